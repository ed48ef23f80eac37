import { plainText } from '../output/plain-text.ts'
import { table } from '../output/table.ts'
import type { Fact, SandboxReportDocument } from './sandbox-facts.ts'
import { sandboxView } from './sandbox-view.ts'

/** The findings of a sandbox, for a pull request: GitHub colours the fences, and folds the streams. */
export function reportMarkdown(report: SandboxReportDocument, connection: string): string {
  const view = sandboxView(report)
  const { drift, unchanged } = view
  const blocks = [
    `### Sandbox of ${code(connection)}`,
    `**${html(view.headline)}**`,
    ...(view.alarms.length === 0 ? [] : [wrapInFence(factLines(view.alarms, 'alarms'))]),
    ...(drift === null
      ? []
      : [html(drift.title), wrapInFence(table(drift.rows).trimEnd(), 'text')]),
    ...(drift === null || drift.ignored.length === 0
      ? []
      : [
          'While the change is ignored, the next run does this:',
          wrapInFence(factLines(drift.ignored, 'facts')),
        ]),
    ...view.streams.map(
      ({ sign, title, about, facts }) =>
        `<details><summary>${sign.trim() === '' ? '' : `${sign} `}<code>${html(title)}</code> ${html(about)}</summary>\n\n${wrapInFence(factLines(facts, 'facts'))}\n\n</details>`,
    ),
    ...(unchanged.length === 0 ? [] : [`Unchanged: ${unchanged.map(code).join(', ')}`]),
    view.footer.map(html).join('<br>\n'),
  ]
  return `${blocks.join('\n\n')}\n`
}

/** In a diff a line begins with its sign. What is lost is a line of a removal, which is red. */
function factLines(facts: readonly Fact[], kind: 'alarms' | 'facts'): string {
  const lines = table(
    facts.map(({ cells: [sign, ...rest] }) => [
      kind === 'alarms' && sign === '!' ? '-' : sign,
      ...rest,
    ]),
  )
  return lines.trimEnd()
}

/** Longer than any fence in the text. */
function wrapInFence(text: string, language: 'diff' | 'text' = 'diff'): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}${language}\n${text}\n${fence}`
}

function code(text: string): string {
  return `<code>${html(text)}</code>`
}

function html(text: string): string {
  return plainText(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/[`*_[\]@#|\\]/g, (mark) => `&#${String(mark.charCodeAt(0))};`)
}
