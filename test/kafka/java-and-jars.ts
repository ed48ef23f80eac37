import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { commandOutput } from './command-output.ts'

const run = promisify(execFile)
const oldestJava = 17
const folder = import.meta.dirname
const pom = join(folder, 'pom.xml')

export interface JavaAndJars {
  readonly java: string
  readonly classpath: string
}

/** What is missing to run the broker on this machine's Java, in words; undefined when nothing is. */
export function missingForJava(): string | undefined {
  const version = /version "(\d+)/.exec(commandOutput(javaCommand(), ['-version']) ?? '')?.[1]
  if (version === undefined) return 'Java is not installed'
  if (Number(version) < oldestJava) return `Java ${version} is older than ${oldestJava}`
  if (existsSync(jarFolder()) || commandOutput('mvn', ['-version']) !== undefined) return undefined
  return 'Maven is not installed'
}

/** Copies the jars of pom.xml (43 MB) the first time; afterwards they are there. */
export async function javaAndJars(): Promise<JavaAndJars> {
  const jars = jarFolder()
  if (!existsSync(jars)) await copyJars(jars)
  return { java: javaCommand(), classpath: `${join(folder, 'conf')}:${join(jars, '*')}` }
}

/** Two test runs may do this at once: each copies into a folder of its own, and the first rename wins. */
async function copyJars(target: string): Promise<void> {
  const draft = `${target}.${process.pid}`
  await mkdir(draft, { recursive: true })
  const args = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', '-DincludeScope=runtime']
  try {
    await run('mvn', [...args, `-DoutputDirectory=${draft}`])
    await rename(draft, target)
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    if (!existsSync(target)) {
      throw new Error('Maven could not copy the jars of test/kafka/pom.xml', { cause: error })
    }
  }
}

/** The name is the stamp: another pom.xml, another folder. */
function jarFolder(): string {
  const stamp = createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 12)
  return join(folder, 'lib', stamp)
}

function javaCommand(): string {
  const home = process.env.JAVA_HOME
  return home === undefined || home === '' ? 'java' : join(home, 'bin/java')
}
