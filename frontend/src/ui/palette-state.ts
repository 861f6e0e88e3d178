/** Whether the command palette is open; apart from the palette, so that any button can open it. */
import { createStore } from "../store";

export const paletteOpen = createStore(false);
