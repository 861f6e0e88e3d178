/** Start of the UI: style sheets, router, app. */
import { render } from "preact";
import { App } from "./app";
import { startRouter } from "./router/location";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/controls.css";
import "./styles/data.css";
import "./styles/pages.css";
import "./styles/metrics.css";
import "./styles/alerts.css";
import "./styles/rules.css";
import "./styles/automation.css";
import { refreshIfOld } from "./time/clock";

startRouter(refreshIfOld);
const root = document.getElementById("app");
if (root) render(<App />, root);
