import { readFileSync } from 'node:fs'
import { SourceEnvironment } from '../../connectors/manifest/source-environment.ts'
import { loadManifest } from '../../manifest-interpreter/manifest/load-manifest.ts'
import { ManifestSource } from '../../manifest-interpreter/source/manifest-source.ts'

/**
 * Compiles the manifest of a file, all its streams with all their templates, and prints the milliseconds and
 * the streams.
 */
const [file = ''] = process.argv.slice(2)
const started = performance.now()
const text = readFileSync(file, 'utf8')
const ignore = (): void => undefined
await using environment = new SourceEnvironment({
  context: {
    signal: new AbortController().signal,
    allowedNetworks: [],
    now: Date.now,
    logger: { debug: ignore, info: ignore, warn: ignore },
  },
  emit: ignore,
})
await using source = new ManifestSource({
  manifest: loadManifest(text),
  config: { url: 'https://api.example.com', token: 'x', start_date: '2024-01-01' },
  environment,
})
const streams = await source.discover()
process.stdout.write(JSON.stringify({ ms: performance.now() - started, streams: streams.length }))
