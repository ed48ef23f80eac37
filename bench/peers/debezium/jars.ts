import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

export interface DebeziumJars {
  /** Of Kafka Connect. */
  readonly classpath: string
  /** The folder with one folder a plugin. */
  readonly plugins: string
}

/** What both plugins bring in another version than Kafka Connect has, which its service loader then mixes up. */
const providedByConnect = /^(jackson-(core|databind|annotations)|slf4j-api)-/

/** Java 17 and Maven, which fetches the jars. */
export function javaAndMavenAnswer(): boolean {
  return [
    ['java', '-version'],
    ['mvn', '-version'],
  ].every(([command = '', ...args]) => spawnSync(command, args, { stdio: 'ignore' }).status === 0)
}

/** The jars (about 100 MB) of the three poms beside this file, fetched once and kept in `cacheDir`. */
export async function debeziumJars(cacheDir: string): Promise<DebeziumJars> {
  const poms = await Promise.all(
    ['connect', 'postgres', 'jdbc'].map((name) => readFile(pomOf(name), 'utf8')),
  )
  const stamp = createHash('sha256').update(poms.join('')).digest('hex').slice(0, 8)
  const folder = join(cacheDir, `debezium-${stamp}`)
  if (!existsSync(folder)) await fetchInto(folder)
  return { classpath: join(folder, 'connect', '*'), plugins: join(folder, 'plugins') }
}

/** A fetch that was interrupted leaves only its draft. */
async function fetchInto(folder: string): Promise<void> {
  const draft = `${folder}.${String(process.pid)}`
  try {
    await mkdir(draft, { recursive: true })
    copyJars(pomOf('connect'), join(draft, 'connect'))
    for (const plugin of ['postgres', 'jdbc']) {
      const target = join(draft, 'plugins', plugin)
      copyJars(pomOf(plugin), target)
      for (const jar of await readdir(target))
        if (providedByConnect.test(jar)) await rm(join(target, jar))
    }
    await rename(draft, folder)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

function copyJars(pom: string, target: string): void {
  const args = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', '-DincludeScope=runtime']
  const { status } = spawnSync('mvn', [...args, `-DoutputDirectory=${target}`], {
    stdio: ['ignore', 2, 2],
  })
  if (status !== 0) throw new Error(`mvn could not fetch the jars of ${pom}`)
}

function pomOf(name: string): string {
  return join(import.meta.dirname, `${name}.pom.xml`)
}
