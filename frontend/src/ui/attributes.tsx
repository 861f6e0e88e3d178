/** Attributes as a table; each value can be copied, searched for, or excluded. */
import { Fragment } from "preact";
import type { Attributes } from "../api/types";
import { type AttributeExpression, filterValue, scopedKey } from "./attribute-expression";
import { CopyButton } from "./copy";
import { Icon } from "./icon";
import { Value } from "./value";

interface Props {
  title: string;
  scope: "span" | "log" | "resource";
  attributes: Attributes;
  /** Called with `key = value` or `key != value`. */
  onFilter?: ((expression: AttributeExpression) => void) | undefined;
}

export function AttributeTable({ title, scope, attributes, onFilter }: Props) {
  const entries = Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return null;
  return (
    <section class="attributes">
      <h3>
        {title} <span class="muted">{entries.length}</span>
      </h3>
      <dl>
        {entries.map(([key, value]) => {
          const text = filterValue(value);
          const name = scopedKey(scope, key);
          return (
            <div key={key} class="attribute">
              <dt>
                <BreakableKey text={key} />
              </dt>
              <dd>
                <Value value={value} />
              </dd>
              <span class="attribute-actions">
                {onFilter && text !== null && (
                  <>
                    <button
                      type="button"
                      class="icon-button"
                      aria-label={`Only where ${key} is ${text}`}
                      title="Only this value"
                      onClick={() => onFilter({ key: name, operator: "=", value: text })}
                    >
                      <Icon name="plus" size={14} />
                    </button>
                    <button
                      type="button"
                      class="icon-button"
                      aria-label={`Not where ${key} is ${text}`}
                      title="Exclude this value"
                      onClick={() => onFilter({ key: name, operator: "!=", value: text })}
                    >
                      <Icon name="minus" size={14} />
                    </button>
                  </>
                )}
                <CopyButton text={typeof value === "string" ? value : JSON.stringify(value)} label={`Copy ${key}`} />
              </span>
            </div>
          );
        })}
      </dl>
    </section>
  );
}

/** A key that breaks after its dots, where a reader would break it. */
function BreakableKey({ text }: { text: string }) {
  return (
    <>
      {text.split(/(?<=[._])/).map((part, index) => (
        <Fragment key={index}>
          {part}
          <wbr />
        </Fragment>
      ))}
    </>
  );
}
