import { once } from 'node:events'

/**
 * Writes to standard output. Resolves when the pipe has room for more: a reader that is slow slows the source
 * down.
 */
export async function writeOutput(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain')
}
