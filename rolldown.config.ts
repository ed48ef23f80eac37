import { globSync, readFileSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { rolldown, type Plugin, type RolldownOptions } from 'rolldown'

const root = import.meta.dirname
/** The folder of a package, as far as its name, and the name. */
const packageFolder = /^.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/

/** Files that are started by their path: the program, and the workers that it starts in threads. */
const programs = [
  'cli/main.ts',
  'engine/read/read-worker.ts',
  'engine/read/source-worker.ts',
  'engine/load/sink-worker.ts',
]

/** Modules that other programs import: `exports` of package.json names each. */
export const libraryEntries = [
  'sdk/engine.ts',
  'sdk/interpreter.ts',
  'sdk/protocol.ts',
  'sdk/topics.ts',
] as const

/** Files that modules read beside them. */
const files = globSync([
  'connectors/manifests/*.yaml',
  'connectors/*/streams/*.yaml',
  'service/platform/access/*.cedar',
  'service/codegen/template/*.ts',
])

/**
 * These, with what they depend on, become a part of our files: each thread of a run loads them, and a file
 * costs it about 0.5 ms. zod as it is installed took a third of the time in which a thread starts (150
 * instead of 80 ms of CPU and 12 MB more for a thread that loads rows, together with avsc); the others took
 * 50 to 60 ms of the 340 ms of CPU of a run that ends at the check of its source (2 busy cores, 2026-11-29).
 * What else uses zod is here so that a process has one of it.
 */
const bundled = withDependencies([
  'zod',
  'fastify-type-provider-zod',
  'pg',
  'pg-copy-streams',
  'pino',
  'commander',
  'js-yaml',
  'smol-toml',
  'aws4fetch',
])

/** Stands for `import.meta.url` of a module until it is known which file of dist/ it is in. */
const placeholder = /__urlOf\("([^"]+)"\)/g

/** A module finds what is beside it in the sources at the same place below dist/. */
function placesOfSources(): Plugin {
  return {
    name: 'places-of-sources',
    transform(code, id) {
      const path = relative(root, id).replace(/\.ts$/, '.js')
      return code.replaceAll('import.meta.url', `__urlOf("${path}")`)
    },
    renderChunk(code, { fileName }) {
      const up = '../'.repeat(fileName.split('/').length - 1)
      return code.replace(
        placeholder,
        (_, path: string) => `new URL("./${up}${path}", import.meta.url).href`,
      )
    },
    generateBundle(_, bundle) {
      for (const fileName of files)
        this.emitFile({ type: 'asset', fileName, source: readFileSync(fileName) })
      const modules = Object.values(bundle).flatMap((part) =>
        part.type === 'chunk' ? part.moduleIds : [],
      )
      for (const [name, source] of licensesOf(modules))
        this.emitFile({ type: 'asset', fileName: `licenses/${name}.txt`, source })
    },
  }
}

/** The licence of each package that `modules` come from, by its name. */
function licensesOf(modules: readonly string[]): Map<string, Uint8Array> {
  return new Map(
    modules.flatMap((path) => {
      const [folder, name] = packageFolder.exec(path) ?? []
      return folder === undefined || name === undefined ? [] : [[name, licenseIn(folder)] as const]
    }),
  )
}

/** If a package has no file for it, its README says it. */
function licenseIn(folder: string): Uint8Array {
  const names = readdirSync(folder)
  const file =
    names.find((name) => /^licen[cs]e/i.test(name)) ?? names.find((name) => /^readme/i.test(name))
  if (file === undefined)
    throw new Error(`${folder} has no licence, and is a part of what we publish`)
  return readFileSync(join(folder, file))
}

/** The packages with everything that they depend on: bundled, not left to the installation. */
function withDependencies(names: readonly string[]): string[] {
  const found = new Set(names)
  for (const name of found) for (const dependency of dependenciesOf(name)) found.add(dependency)
  return [...found]
}

function dependenciesOf(name: string): string[] {
  const file = join(root, 'node_modules', name, 'package.json')
  const { dependencies = {} } = JSON.parse(readFileSync(file, 'utf8')) as {
    dependencies?: Record<string, string>
  }
  return Object.keys(dependencies)
}

function isBundled(id: string): boolean {
  return bundled.some((name) => id === name || id.startsWith(`${name}/`))
}

/** Small modules that every thread loads: one file instead of thirty. */
function isLeaf(path: string): boolean {
  return /^(?:lib|protocol)[\\/]/.test(relative(root, path))
}

/**
 * Our modules in few files: the program starts in half the time and CPU that its sources take (a source's
 * `check` 130 instead of 290 ms, 2 cores, 2026-11-26). The rest of what npm installs stays what it is.
 */
const config = {
  cwd: root,
  input: Object.fromEntries(
    [...programs, ...libraryEntries].map((path) => [path.replace(/\.ts$/, ''), path]),
  ),
  platform: 'node',
  external: (id) => /^[^./]/.test(id) && !isBundled(id),
  plugins: [placesOfSources()],
  output: {
    dir: join(root, 'dist'),
    cleanDir: true,
    format: 'esm',
    codeSplitting: { groups: [{ name: 'leaves', test: isLeaf }] },
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
  },
} satisfies RolldownOptions

export default config

/** Builds into another folder of the project, where the dependencies are found; what is in it stays. */
export async function buildInto(dir: string, input = config.input): Promise<void> {
  await using bundle = await rolldown({ ...config, input })
  await bundle.write({ ...config.output, dir, cleanDir: false })
}
