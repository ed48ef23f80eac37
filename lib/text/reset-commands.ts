/**
 * The commands that make the next run read a stream from its beginning: for advice.
 * @param stream its label
 * @param connection its name, if it is known
 */
export function resetCommands(stream: string, connection = 'NAME'): string {
  return `\`reactor connect run FILE --reset ${stream}\`, or in the service \`reactor connect connections reset ${connection} --streams ${stream}\``
}
