/** Icons as paths on a 16 × 16 grid, drawn in the colour of the text. */
const PATHS = {
  overview: "M2.5 13.5v-4h3v4zm4-0v-11h3v11zm4 0v-7h3v7z",
  traces: "M2 3.5h7M5 8h8M8 12.5h6",
  logs: "M2.5 3.5h11M2.5 6.5h8M2.5 9.5h11M2.5 12.5h6",
  metrics: "M2 2.5v11h11.5M4.5 10l2.500-3.500 2.500 2 3.500-5",
  bell: "M3 11.500h10M4.500 11.500V7a3.500 3.500 0 0 1 7 0v4.500M7 13.500h2M8 2v1.500",
  llm: "M8 1.8l1.5 4.2 4.2 1.5-4.2 1.5L8 13.2 6.5 9 2.3 7.5 6.5 6zM13 11.5v3M11.5 13h3",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.3l3.4 3.4",
  refresh: "M13.5 8a5.5 5.5 0 1 1-1.7-4M13.5 1.8v3h-3",
  sun: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1.1 1.1M11.9 11.9 13 13M3 13l1.1-1.1M11.9 4.1 13 3",
  moon: "M13.5 9.8A6 6 0 0 1 6.2 2.5a6 6 0 1 0 7.3 7.3z",
  clock: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 4.8V8l2.2 1.6",
  chevronDown: "M4 6.2l4 4 4-4",
  chevronRight: "M6.2 4l4 4-4 4",
  chevronLeft: "M9.8 4l-4 4 4 4",
  close: "M4 4l8 8M12 4l-8 8",
  plus: "M8 3.5v9M3.5 8h9",
  minus: "M3.5 8h9",
  copy: "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z",
  check: "M3 8.5l3.2 3.2L13 5",
  alert: "M8 2.2 14.5 13.5h-13zM8 6.5v3.2M8 11.4v.6",
  bellOff:
    "M3 11.500h8.500M4.500 11.500V7c0-.5.1-1 .3-1.500M7 3.600A3.500 3.500 0 0 1 11.500 7v1.500M7 13.500h2M8 2v1.500M2.500 2.500l11 11",
  book: "M3 2.500h4.500L8 3l.5-.5H13v10H8.500l-.5.5-.5-.5H3zM8 3v10",
  person: "M8 2.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5zM3 13.500c.5-3 2.500-4 5-4s4.500 1 5 4",
  info: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 7.2v3.8M8 4.8v.6",
  link: "M6.5 9.5l3-3M7 4.6l1.4-1.4a3 3 0 0 1 4.3 4.3L11.3 9M9 11.4l-1.4 1.4a3 3 0 0 1-4.3-4.3L4.7 7",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  play: "M5 3l8 5-8 5z",
  thumbUp:
    "M5 7.2 7.5 2c1 0 1.7.7 1.7 1.7L8.8 6.4h3.6c.9 0 1.5.8 1.3 1.6l-1 4.3c-.2.7-.8 1.2-1.5 1.2H5zM5 7.2H2.5v6.3H5",
  thumbDown:
    "M11 8.8 8.500 14c-1 0-1.700-.7-1.700-1.700l.4-2.700H3.600c-.9 0-1.500-.8-1.300-1.600l1-4.300c.2-.7.8-1.200 1.500-1.200H11zM11 8.800h2.500V2.500H11",
  expand: "M4 6l4-3.500L12 6M4 10l4 3.500L12 10",
  collapse: "M4 2.800 8 6l4-3.200M4 13.200 8 10l4 3.200",
  command:
    "M6 6h4v4H6zM6 6H4.300A1.800 1.800 0 1 1 6 4.200zM10 6V4.200A1.800 1.800 0 1 1 11.700 6zM6 10v1.800A1.800 1.800 0 1 1 4.300 10zM10 10h1.700a1.800 1.800 0 1 1-1.700 1.800z",
  filter: "M2 3.500h12l-4.600 5.300v4L6.600 14V8.800z",
  tree: "M3 2.500v9.500h4M3 6.500h4M9 5h4.500v3H9zM9 10.500h4.500v3H9z",
  out: "M9.500 2.500h4v4M13.200 2.800 7.500 8.500M6.500 3.500h-4v10h10v-4",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
