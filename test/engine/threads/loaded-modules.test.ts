import { expect, test } from 'vitest'
import { loadedModules } from '../../support/loaded-modules.ts'

// Each thread of a run loads them: its start and its memory are those of its modules
// (docs/performance-methods.md).

test('a thread that reads loads neither a connector nor an interpreter before its job says which', async () => {
  const { loaded } = await loadedModules('engine/read/read-worker.ts')
  expect(loaded).toContain('connectors/registry.ts')
  const unwanted =
    /^(?:connectors\/[^/]+\/|manifest-interpreter|service|cli|node_modules\/(?:undici|avsc|js-yaml|pg|kafkajs|prom-client)\/)/
  expect(loaded.filter((url) => unwanted.test(url))).toEqual([])
})

test('a thread that loads rows loads no destination before its job says which', async () => {
  const { loaded } = await loadedModules('engine/load/sink-worker.ts')
  expect(loaded).toContain('engine/load/lane-loader.ts')
  // The entries of the registry name what they import later. They have the forms of their addresses.
  const entries = /^sinks\/[a-z0-9]+\/(?:preview\/)?[a-z0-9-]+-(?:kind|place)\.ts$/
  const forms = new Set([
    ...['file', 'instance', 'postgres', 's3', 'topic'].map((kind) => `${kind}/connection-form.ts`),
    ...['file/file-errors.ts', 'file/run-file-form.ts', 's3/run-file-form.ts', 's3/bucket-url.ts'],
    ...['instance/instance-modes.ts', 'postgres/tables/schemas.ts', 'row-files/file-options.ts'],
  ])
  const unwanted =
    /^(?:connectors|manifest-interpreter|service|cli|sinks\/[a-z0-9-]+\/|node_modules\/(?:undici|avsc|js-yaml|pg|kafkajs|prom-client)\/)/
  const others = loaded.filter(
    (url) => unwanted.test(url) && !entries.test(url) && !forms.has(url.replace('sinks/', '')),
  )
  expect(others).toEqual([])
})
