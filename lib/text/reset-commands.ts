import { shellWord } from './shell-word.ts'

/**
 * The commands that make the next run read from the beginning: for advice.
 * @param stream its label; undefined: all streams
 * @param connection its name, if it is known
 */
export function resetCommands(stream?: string, connection = 'NAME'): string {
  return commands(stream && shellWord(stream), shellWord(connection))
}

/** The same in a text of an error code, of the `stream` in its details. */
export const resetOfDetails = commands('{stream:word}', 'NAME')

function commands(stream: string | undefined, connection: string): string {
  const streams = stream === undefined ? '' : ` --streams ${stream}`
  return `\`reactor connect reset FILE${streams}\`, or in the service \`reactor connect connections reset ${connection}${streams}\``
}
