/** What people call the services through which a receiver is told. */
const NAMES: Record<string, string> = {
  webhook: "Webhook",
  email: "E-mail",
  pagerduty: "PagerDuty",
  opsgenie: "Opsgenie",
  wechat: "WeChat",
  slack: "Slack",
  victorops: "VictorOps",
  pushover: "Pushover",
  sns: "SNS",
  telegram: "Telegram",
  discord: "Discord",
  webex: "Webex",
  msteams: "Teams",
  msteamsv2: "Teams",
  jira: "Jira",
  rocketchat: "Rocket.Chat",
  ntfy: "ntfy",
  apprise: "Apprise",
};

export function kindName(kind: string): string {
  return NAMES[kind] ?? kind;
}

/** Each once, "2 × Slack" where there are more; a receiver without any tells nobody. */
export function kindsText(kinds: readonly string[]): string {
  if (kinds.length === 0) return "tells nobody";
  const counts = new Map<string, number>();
  for (const kind of kinds) counts.set(kindName(kind), (counts.get(kindName(kind)) ?? 0) + 1);
  return [...counts].map(([name, count]) => (count > 1 ? `${count} × ${name}` : name)).join(", ");
}
