import { existsSync, readFileSync } from 'node:fs'
import { codesByArea } from '../../protocol/errors/codes.ts'
import type { ErrorCode } from '../../protocol/index.ts'

export type Area = keyof typeof codesByArea

export const titles = {
  access: 'Access',
  action: 'Actions',
  airbyte: 'External Airbyte connectors',
  cli: 'Command line',
  credentials: 'Credentials and the vault',
  destination: 'Destinations',
  file: 'Folders and buckets as a destination',
  http: 'HTTP API',
  log: 'The log and Kafka',
  platform: 'The service and its parts',
  registry: 'The schema registry of a topic',
  resource: 'Instances, connections and sandboxes',
  run: 'Runs',
  source: 'Sources',
  topic: 'Topics as a destination',
  'two-way': 'Two-way sync',
  webhook: 'Webhooks: receivers, what comes in, where it goes',
  write: 'Writing back into an instance',
} satisfies Record<Area, string>

const heading = '## Every error\n'

/** docs/errors/README.md: the part written by hand stays, and below it is every code with its message. */
export function errorsPage(file: string): string {
  const [byHand = ''] = readFileSync(file, 'utf8').split(heading)
  const titleOf = new Map<string, string>(Object.entries(titles))
  const areas = Object.entries(codesByArea).map(([area, codes]) => {
    const rows = Object.entries<ErrorCode>(codes).map(
      ([code, { message }]) =>
        `| [\`${code}\`](${area}.md#${code}) | ${message.replaceAll('|', '\\|')} |\n`,
    )
    return `### ${titleOf.get(area) ?? area}\n\n| code | message |\n|---|---|\n${rows.join('')}`
  })
  return `${byHand}${heading}\nA name in braces stands for a fact of the failure.\n\n${areas.join('\n')}`
}

/**
 * The page of an area: message, kind and fix of each code are those of the code's record. Text below them,
 * and before the first code, is written by hand and stays.
 */
export function areaPage(area: Area, file: string): string {
  const written = existsSync(file) ? readFileSync(file, 'utf8') : ''
  const [before = ''] = written.split(/^## /m)
  const notes = notesByCode(written)
  const sections = Object.entries<ErrorCode>(codesByArea[area]).map(([code, record]) =>
    [`## ${code}`, recordLines(record), notes.get(code) ?? ''].join('\n\n').trimEnd(),
  )
  const top = before.trim() === '' ? `# Errors: ${titles[area]}` : before.trim()
  return `${[top, ...sections].join('\n\n')}\n`
}

/** The part of each section that is written by hand: the text after the line that begins with **Fix**. */
function notesByCode(page: string): ReadonlyMap<string, string> {
  const sections = page.split(/^## /m).slice(1)
  return new Map(
    sections.map((section) => {
      const [code = ''] = section.split('\n')
      const [, notes = ''] = /^\*\*Fix\*\*: .*\n([^]*)$/m.exec(section) ?? []
      return [code.trim(), notes.trim()]
    }),
  )
}

function recordLines({
  failureType,
  httpStatus,
  retryable,
  message,
  suggestedFix,
}: ErrorCode): string {
  const retry = retryable ? 'worth a retry' : 'not worth a retry without a change'
  const fix = suggestedFix.replaceAll(/\{(\w+):word\}/g, (_, name: string) => name.toUpperCase())
  return [
    `> ${message}`,
    `\`${failureType}\`, HTTP ${String(httpStatus)}, ${retry}.`,
    `**Fix**: ${/^\{\w+\}$/.test(suggestedFix) ? 'The error says what to do.' : fix}`,
  ].join('\n\n')
}
