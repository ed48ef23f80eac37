import { shellWord } from './shell-word.ts'

/**
 * The commands that make the next run read from the beginning: for advice.
 * @param stream its label; undefined: all streams
 * @param connection its name, if it is known
 */
export function resetCommands(stream?: string, connection = 'NAME'): string {
  return commands(stream && shellWord(stream), shellWord(connection))
}

/** The command for a connection of the service. */
export function serviceResetCommand(stream: string, connection: string): string {
  return `\`reactor connect connections reset ${shellWord(connection)} --streams ${shellWord(stream)}\``
}

/** The text with the name of its connection in the commands of `resetCommands`. */
export function nameResets(text: string, connection: string): string {
  return text.replaceAll(
    'connect connections reset NAME',
    `connect connections reset ${shellWord(connection)}`,
  )
}

/** The text for a connection of the service, which has no run file: only its command stays. */
export function resetsOfService(text: string): string {
  return text.replaceAll(
    /`reactor connect reset FILE[^`]*`, or in the service (?=`reactor connect connections reset )/g,
    '',
  )
}

/** The same in a text of an error code, of the `stream` in its details. */
export const resetOfDetails = commands('{stream:word}', 'NAME')

function commands(stream: string | undefined, connection: string): string {
  const streams = stream === undefined ? '' : ` --streams ${stream}`
  return `\`reactor connect reset FILE${streams}\`, or in the service \`reactor connect connections reset ${connection}${streams}\``
}
