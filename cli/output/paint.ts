import { styleText } from 'node:util'

export type Style = 'red' | 'yellow' | 'green' | 'dim' | 'bold'

/** Colours a text if the output shows colours. */
export type Paint = (style: Style, text: string) => string

/** Node decides by the terminal and by NO_COLOR, NODE_DISABLE_COLORS and FORCE_COLOR. */
export function paintFor(stream: NodeJS.WritableStream): Paint {
  return (style, text) => styleText(style, text, { stream })
}

export const plainPaint: Paint = (_style, text) => text
