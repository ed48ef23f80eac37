import stringWidth from 'string-width'
import { htmlText } from '../../lib/text/html-text.ts'
import type { Span } from './terminal-screen.ts'

export interface TerminalPicture {
  /** For readers who do not see it. */
  readonly title: string
  /** The command that was typed. */
  readonly command: string
  readonly lines: readonly (readonly Span[])[]
  readonly columns: number
}

const fontSize = 13
const columnWidth = 7.8
const lineHeight = 18
const margin = 20
const barHeight = 32

/**
 * Text on a terminal as a picture: it is text, in a font of the reader's machine, light or dark as they have
 * it.
 */
export function terminalSvg({ title, command, lines, columns }: TerminalPicture): string {
  const all: readonly (readonly Span[])[] = [
    [
      { text: '$ ', styles: ['dim'] },
      { text: command, styles: ['bold'] },
    ],
    ...lines,
  ]
  const width = Math.ceil(columns * columnWidth + 2 * margin)
  const height = barHeight + all.length * lineHeight + 2 * margin - 8
  const texts = all.map((spans, row) => lineText(spans, barHeight + margin + row * lineHeight + 6))
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" role="img" aria-labelledby="title" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${fontSize}">
  <title id="title">${htmlText(title)}</title>
  <style>
    .page { fill: #ffffff; stroke: #d1d9e0; }
    .bar { fill: #f6f8fa; stroke: #d1d9e0; }
    .dot { fill: #d1d9e0; }
    text { fill: #1f2328; white-space: pre; }
    .bold { font-weight: 700; }
    .dim { fill: #59636e; }
    .red { fill: #c1121f; }
    .green { fill: #1a7f37; }
    .yellow { fill: #8a5a00; }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117; stroke: #3d444d; }
      .bar { fill: #161b22; stroke: #3d444d; }
      .dot { fill: #3d444d; }
      text { fill: #e6edf3; }
      .dim { fill: #9198a1; }
      .red { fill: #ff7b72; }
      .green { fill: #3fb950; }
      .yellow { fill: #d29922; }
    }
  </style>
  <rect class="page" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>
  <path class="bar" d="M0.5 ${barHeight} V8.5 a8 8 0 0 1 8 -8 H${width - 8.5} a8 8 0 0 1 8 8 V${barHeight} z"/>
  <circle class="dot" cx="20" cy="16" r="5"/><circle class="dot" cx="38" cy="16" r="5"/><circle class="dot" cx="56" cy="16" r="5"/>
${texts.filter((text) => text !== '').join('\n')}
</svg>
`
}

/** Each span has its place and its width, so that columns stand below each other in any font. */
function lineText(spans: readonly Span[], y: number): string {
  let column = 0
  return spans
    .map(({ text, styles }) => {
      const indent = text.length - text.trimStart().length
      const x = margin + (column + indent) * columnWidth
      column += stringWidth(text)
      const shown = text.trim()
      if (shown === '') return ''
      const look = styles.length === 0 ? '' : ` class="${styles.join(' ')}"`
      const length = (stringWidth(shown) * columnWidth).toFixed(1)
      return `  <text${look} xml:space="preserve" x="${x.toFixed(1)}" y="${y}" textLength="${length}">${htmlText(shown)}</text>`
    })
    .filter((text) => text !== '')
    .join('\n')
}
