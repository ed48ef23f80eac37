import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const cacheDir = join(import.meta.dirname, '../../node_modules/.cache')

/** The programs that this process has built. */
const programs = new Map<string, Promise<string>>()

/**
 * The executable of a Go program, which is built at its first use, for one to two minutes, and stored outside
 * of git.
 */
export function goProgram(path: string, version: string): Promise<string> {
  const source = `${path}@${version}`
  const program = programs.get(source) ?? build(path, version)
  programs.set(source, program)
  return program
}

async function build(path: string, version: string): Promise<string> {
  const name = path.split('/').at(-1) ?? path
  const folder = join(cacheDir, `${path.replaceAll('/', '-')}-${version}`)
  const executable = join(folder, name)
  if (existsSync(executable)) return executable
  const building = join(folder, `building-${String(process.pid)}`)
  await mkdir(building, { recursive: true })
  const source = `${path}@${version}`
  try {
    await promisify(execFile)('go', ['install', source], {
      env: { ...process.env, GOBIN: building, GOTOOLCHAIN: 'local' },
    })
  } catch (error) {
    throw new Error(
      `\`go install ${source}\` failed. These tests need Go: https://go.dev/dl, or Debian: \`apt-get install golang-go\`.`,
      { cause: error },
    )
  }
  await rename(join(building, name), executable)
  return executable
}
