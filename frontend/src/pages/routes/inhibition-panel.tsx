/** Which alerts keep others from being told. */
import type { InhibitRule } from "../../api/rules";
import { Panel } from "../../ui/panel";

export function InhibitionPanel({ rules }: { rules: readonly InhibitRule[] }) {
  return (
    <Panel title="Inhibition">
      {rules.length === 0 ? (
        <p class="padded muted">No alert keeps another from being told.</p>
      ) : (
        <ul class="inhibition">
          {rules.map(({ sources, targets, equal }, index) => (
            <li key={index}>
              While <Matchers texts={sources} /> fires, <Matchers texts={targets} /> is not told
              {equal.length > 0 && (
                <>
                  {" "}
                  where both have the same <b>{equal.join(", ")}</b>
                </>
              )}
              .
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Matchers({ texts }: { texts: readonly string[] }) {
  if (texts.length === 0) return <>any alert</>;
  return (
    <>
      {texts.map((text) => (
        <code key={text} class="tag">
          {text}
        </code>
      ))}
    </>
  );
}
