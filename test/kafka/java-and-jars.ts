import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { commandOutput } from './command-output.ts'
import { copyJars, stampOf } from './maven-jars.ts'

const oldestJava = 17
const folder = import.meta.dirname
const pom = join(folder, 'pom.xml')

export interface JavaAndJars {
  readonly java: string
  readonly classpath: string
  /** The folder of the jars: another one for other jars. */
  readonly jars: string
}

/** Describes in words what this machine's Java lacks to run the broker; undefined if nothing is missing. */
export function missingForJava(): string | undefined {
  return existsSync(jarFolder()) ? missingJava() : missingForMaven()
}

/** Describes what is missing to run Java programs whose jars are fetched first. */
export function missingForMaven(): string | undefined {
  const missing = missingJava()
  if (missing !== undefined) return missing
  return commandOutput('mvn', ['-version']) === undefined ? 'Maven is not installed' : undefined
}

function missingJava(): string | undefined {
  const version = /version "(\d+)/.exec(commandOutput(javaCommand(), ['-version']) ?? '')?.[1]
  if (version === undefined) return 'Java is not installed'
  if (Number(version) < oldestJava) return `Java ${version} is older than ${oldestJava}`
  return undefined
}

/** Copies the jars of pom.xml (43 MB) the first time; afterwards they are there. */
export async function javaAndJars(): Promise<JavaAndJars> {
  const jars = jarFolder()
  await copyJars(pom, jars)
  return { java: javaCommand(), classpath: `${join(folder, 'conf')}:${join(jars, '*')}`, jars }
}

/** The name is the stamp: another pom.xml, another folder. */
function jarFolder(): string {
  return join(folder, 'lib', stampOf(pom))
}

export function javaCommand(): string {
  const home = process.env.JAVA_HOME
  return home === undefined || home === '' ? 'java' : join(home, 'bin/java')
}
