import { describe, expect, it } from 'vitest'
import { TemplateCompiler } from '../../../manifest-interpreter/interpolation/template-compiler.ts'
import { cacheParents } from '../../../manifest-interpreter/manifest/cache-parents.ts'
import { loadManifest } from '../../../manifest-interpreter/manifest/load-manifest.ts'
import {
  staticStreams,
  streamGroups,
} from '../../../manifest-interpreter/manifest/stream-definitions.ts'
import { unsupportedReason } from '../../../manifest-interpreter/manifest/unsupported.ts'
import { childOf, manifest, stream } from './manifests.ts'

const templates = new TemplateCompiler({ nowMicros: () => 0, uuid: () => '' })

describe('streams of a configuration', () => {
  it('conditional ones are there where their condition holds', () => {
    const loaded = loadManifest(
      manifest({
        streams: [
          {
            type: 'ConditionalStreams',
            condition: "{{ config['all'] }}",
            streams: [stream('extra')],
          },
          stream('items'),
        ],
      }),
    )
    const names = (all: boolean) =>
      staticStreams(loaded, { all }, templates).map((definition) => definition.name)
    expect(names(true)).toStrictEqual(['extra', 'items'])
    expect(names(false)).toStrictEqual(['items'])
  })

  it('are known with the group that they are in', () => {
    const loaded = loadManifest(
      manifest({
        stream_groups: {
          g: { streams: [stream('items')], action: { type: 'BlockSimultaneousSyncsAction' } },
        },
      }),
    )
    expect([...streamGroups(loaded)]).toStrictEqual([['items', 'g']])
  })
})

describe('parents', () => {
  const parent = stream('parent')
  const child = stream('child', {
    partition_router: [
      { type: 'GroupingPartitionRouter', underlying_partition_router: childOf(parent) },
    ],
  })

  it('are cached, where they are read for themselves and where children read them', () => {
    const [cachedChild, cachedParent] = cacheParents([child, parent], [])
    expect(cachedParent).toHaveProperty('retriever.requester.use_cache', true)
    expect(cachedChild).toHaveProperty(
      'retriever.partition_router.0.underlying_partition_router.parent_stream_configs.0.stream.retriever.requester.use_cache',
      true,
    )
    expect(cachedChild).not.toHaveProperty('retriever.requester.use_cache')
    expect(parent).not.toHaveProperty('retriever.requester.use_cache')
  })

  it('are cached where their children are not built', () => {
    expect(cacheParents([parent], [parent, child])[0]).toHaveProperty(
      'retriever.requester.use_cache',
      true,
    )
  })

  it('that say use_cache: false are not cached', () => {
    const requester = { type: 'HttpRequester', use_cache: false }
    const uncached = stream('parent', { requester })
    const [, own] = cacheParents(
      [stream('child', { partition_router: childOf(uncached) }), uncached],
      [],
    )
    expect(own).toHaveProperty('retriever.requester.use_cache', false)
  })

  it('that delegate are cached in both of their streams', () => {
    const delegating = {
      type: 'StateDelegatingStream',
      name: 'parent',
      full_refresh_stream: stream('parent'),
      incremental_stream: stream('parent'),
    }
    const [cached] = cacheParents(
      [delegating, stream('child', { partition_router: childOf(delegating) })],
      [],
    )
    expect(cached).toHaveProperty('full_refresh_stream.retriever.requester.use_cache', true)
    expect(cached).toHaveProperty('incremental_stream.retriever.requester.use_cache', true)
  })
})

describe('streams that need Python', () => {
  const custom = { type: 'CustomRequester', class_name: 'source_x.components.Requester' }
  const needsPython = stream('custom', { requester: custom })

  it('are told with the component that they need, and so are those that have such a parent', () => {
    const child = stream('child', { partition_router: childOf(needsPython) })
    expect(unsupportedReason(stream('items'))).toBeUndefined()
    expect(unsupportedReason(needsPython)).toContain('source_x.components.Requester')
    expect(unsupportedReason(child)).toBe(unsupportedReason(needsPython))
  })

  it('are supported once there is a replacement', () => {
    expect(unsupportedReason(needsPython, () => true)).toBeUndefined()
  })
})
