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
  // The entries of the registry, and the forms of their addresses, name what they import later.
  const unwanted =
    /^(?:connectors|manifest-interpreter|service|cli|sinks\/[a-z]+\/(?!(?:preview\/)?[a-z-]+-(?:kind|place|form|modes)\.ts|tables\/schemas\.ts)|node_modules\/(?:undici|avsc|js-yaml|pg|kafkajs|prom-client)\/)/
  expect(loaded.filter((url) => unwanted.test(url))).toEqual([])
})
