/** What to write into the response file, for each part of the page. */

export const RESPONSE_EXAMPLE = `# response.yml
responses:
  - name: restart-worker
    matchers: ['alertname="WorkerStuck"']
    command: [/usr/local/bin/restart, "{{ .Labels.instance }}"]
    at_most: 3 per 1h
allowed_commands: [/usr/local/bin/restart]`;

export const WATCHDOG_EXAMPLE = `# response.yml
watchdogs:
  - {name: outside, ping: {url_file: /etc/sonde/ping-url}, every: 1m}
  - {name: nightly-backup, expect: {within: 26h}}`;

export const DIGEST_EXAMPLE = `# response.yml
digest: {at: "Monday 08:00", time_zone: Europe/Berlin, receivers: [team]}`;

export const SONDE_EXAMPLE = `# sonde.yaml
alertmanager:
  config_file: alertmanager.yml
  response_file: response.yml`;
