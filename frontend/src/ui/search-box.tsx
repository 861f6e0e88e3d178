/** The search field of a page, where `/` leads. */
import type { RefObject } from "preact";
import { Icon } from "./icon";
import { TextFilter } from "./text-filter";

interface Props {
  label: string;
  placeholder: string;
  value: string;
  inputRef: RefObject<HTMLInputElement | null>;
  onCommit(value: string): void;
}

export function SearchBox(props: Props) {
  return (
    <div class="search-box">
      <Icon name="search" />
      <TextFilter {...props} class="search-input" pauseMillis={350} />
      <kbd aria-hidden="true">/</kbd>
    </div>
  );
}
