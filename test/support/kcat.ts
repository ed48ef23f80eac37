import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'

/** Throws where kcat is not installed. */
export function requireKcat(): void {
  if (spawnSync('kcat', ['-V']).error === undefined) return
  throw new Error(
    'This test reads the topics with kcat, which is not installed. Install it ' +
      '(Debian, Ubuntu: `apt-get install -y --no-install-recommends kcat`; macOS: `brew install kcat`), then run again.',
  )
}

export interface KcatMessage {
  readonly partition: number
  readonly headers: ReadonlyMap<string, string>
  readonly key: Buffer | null
  readonly value: Buffer
}

/** Everything in a topic that a read_committed consumer sees. Keys and values are cut by their sizes: any byte may be in them. */
export async function kcat(brokers: readonly string[], topic: string): Promise<KcatMessage[]> {
  const args = ['-b', brokers.join(','), '-C', '-e', '-q', '-o', 'beginning', '-t', topic]
  const format = ['-X', 'isolation.level=read_committed', '-f', '%p %K %S %h\\n%k%s\\n']
  const { stdout } = await promisify(execFile)('kcat', [...args, ...format], {
    encoding: 'buffer',
    maxBuffer: 256 * 1024 * 1024,
    timeout: 60_000,
  })
  const messages: KcatMessage[] = []
  for (let at = 0; at < stdout.length;) {
    const lineEnd = stdout.indexOf('\n', at)
    const line = stdout.toString('utf8', at, lineEnd)
    const [, partition, keySize, size, headers = ''] =
      /^(\d+) (-?\d+) (-?\d+) (.*)$/.exec(line) ?? []
    const valueAt = lineEnd + 1 + Math.max(0, Number(keySize))
    const end = valueAt + Math.max(0, Number(size))
    messages.push({
      partition: Number(partition),
      headers: new Map(headers.split(',').map((header) => headerOf(header))),
      key: keySize === '-1' ? null : stdout.subarray(lineEnd + 1, valueAt),
      value: stdout.subarray(valueAt, end),
    })
    if (stdout[end] !== 0x0a) throw new Error('a message does not end where its size says')
    at = end + 1
  }
  return messages
}

function headerOf(text: string): [string, string] {
  const equals = text.indexOf('=')
  return [text.slice(0, equals), text.slice(equals + 1)]
}
