/** Messages as a conversation: who said what, tool calls with their arguments, reasoning folded away. */
import type { AttributeValue, Message, MessagePart } from "../../api/types";
import { CopyButton } from "../../ui/copy";
import { laidOut } from "../../ui/json-text";
import { FoldedText } from "../../ui/value";

export function Conversation({ messages, label }: { messages: readonly Message[]; label: string }) {
  return (
    <ol class="conversation" aria-label={label}>
      {messages.map((message, index) => (
        <li key={index} class={`message role-${roleClass(message.role)}`}>
          <header class="message-head">
            <span class="message-role">{message.role}</span>
            <CopyButton text={message.parts.map(partText).join("\n")} label="Copy message" />
          </header>
          {message.parts.map((part, at) => (
            <Part key={at} part={part} />
          ))}
        </li>
      ))}
    </ol>
  );
}

function Part({ part }: { part: MessagePart }) {
  switch (part.type) {
    case "text":
      return <Text text={contentText(part.content)} />;
    case "reasoning":
      return (
        <details class="message-part">
          <summary>Reasoning</summary>
          <Text text={contentText(part.content)} />
        </details>
      );
    case "tool_call":
      return (
        <div class="message-part tool-part">
          <div>
            calls <strong>{part.name}</strong> <span class="muted">{part.id}</span>
          </div>
          <FoldedText text={pretty(part.arguments)} mono fold={2000} />
        </div>
      );
    case "tool_result":
    case "tool_call_response":
      return (
        <div class="message-part tool-part">
          <div>
            result {part.name && <strong>{part.name}</strong>} <span class="muted">{part.id}</span>
          </div>
          <FoldedText text={pretty(part.content)} mono fold={2000} />
        </div>
      );
    default:
      return (
        <div class="message-part tool-part">
          <div class="muted">{part.type}</div>
          <FoldedText text={pretty(part.content ?? part.arguments)} mono fold={600} />
        </div>
      );
  }
}

function Text({ text }: { text: string }) {
  return (
    <div class="message-text">
      <FoldedText text={laidOut(text) ?? text} fold={4000} mono={laidOut(text) !== null} />
    </div>
  );
}

function contentText(content: AttributeValue | undefined): string {
  if (content === undefined || content === null) return "";
  return typeof content === "string" ? content : JSON.stringify(content, null, 2);
}

function pretty(content: AttributeValue | undefined): string {
  const text = contentText(content);
  return laidOut(text) ?? text;
}

function partText(part: MessagePart): string {
  return part.type === "tool_call" ? `${part.name}(${contentText(part.arguments)})` : contentText(part.content);
}

function roleClass(role: string): string {
  return ["system", "user", "assistant", "tool", "developer"].includes(role) ? role : "other";
}
