import { globSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { rolldown, type Plugin, type RolldownOptions } from 'rolldown'

/** What is started by its path: the program, and the workers that it starts in threads. */
const programs = [
  'cli/main.ts',
  'engine/read/read-worker.ts',
  'engine/read/source-worker.ts',
  'engine/load/sink-worker.ts',
]

/** What other programs import: `exports` of package.json names each. */
export const libraryEntries = [
  'library/engine.ts',
  'library/interpreter.ts',
  'library/protocol.ts',
  'library/topics.ts',
] as const

/** What modules read as files beside them. */
const files = globSync([
  'connectors/manifests/*.yaml',
  'connectors/*/streams/*.yaml',
  'service/platform/access/*.cedar',
  'service/codegen/template/*.ts',
])

/**
 * These become a part of our files, without what nobody uses of them: zod as it is installed took a third of the time in which a thread of
 * a run starts (150 instead of 80 ms of CPU and 12 MB more for a thread that loads rows, 2026-11-29, together with avsc). What else uses zod
 * is here so that a process has one of it.
 */
const bundled = ['zod', 'fastify-type-provider-zod', '@fastify/error']

const root = import.meta.dirname
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
    generateBundle() {
      for (const fileName of files)
        this.emitFile({ type: 'asset', fileName, source: readFileSync(fileName) })
      for (const name of bundled)
        this.emitFile({ type: 'asset', fileName: `licenses/${name}.txt`, source: licenseOf(name) })
    },
  }
}

function licenseOf(name: string): Uint8Array {
  return readFileSync(join(root, 'node_modules', name, 'LICENSE'))
}

function isBundled(id: string): boolean {
  return bundled.some((name) => id === name || id.startsWith(`${name}/`))
}

/**
 * Our modules in few files: the program starts in half the time and CPU that its sources take (a source's `check` 130 instead of
 * 290 ms, 2 cores, 2026-11-26). The rest of what npm installs stays what it is.
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
