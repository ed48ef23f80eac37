import { isRegistered } from '../builder.ts'
import { resolveDynamicStreams } from '../components/dynamic/resolve-dynamic-streams.ts'
import { declarativeStream } from '../components/streams/declarative-stream.ts'
import { stateDelegatingStream } from '../components/streams/state-delegating-stream.ts'
import { invalidComponent, list, text } from '../definition.ts'
import { cacheParents } from '../manifest/cache-parents.ts'
import { staticStreams, streamGroups } from '../manifest/stream-definitions.ts'
import {
  dynamicStreamName,
  unsupportedDynamicStreams,
  unsupportedReason,
  type UnsupportedStream,
} from '../manifest/unsupported.ts'
import { get, isPlainDict } from '../value/dict.ts'
import { parentsOf } from './stream-groups.ts'
import type { Builder } from '../component.ts'
import type { Stream } from '../contracts.ts'
import type { Manifest } from '../manifest/load-manifest.ts'
import type { PlainDict } from '../value/value.ts'
import type { CheckableStreams } from './check-connection.ts'

/**
 * The streams of a manifest: static streams, and those that its dynamic definitions make. Built on request.
 */
export class SourceStreams implements CheckableStreams {
  readonly #manifest: Manifest
  readonly #builder: Builder
  readonly #validate: () => void

  /** @param validate checks the configuration, before the first stream is built */
  constructor(manifest: Manifest, builder: Builder, validate: () => void) {
    this.#manifest = manifest
    this.#builder = builder
    this.#validate = validate
  }

  async first(count?: number): Promise<readonly Stream[]> {
    this.#validate()
    const all = [...this.#static(), ...(await this.#dynamic()).map(({ definition }) => definition)]
    return this.#build(all.slice(0, count), all)
  }

  async named(names: readonly string[]): Promise<readonly Stream[] | null> {
    const all = this.#static()
    const known = new Set(all.map((definition) => get(definition, 'name')))
    if (names.length === 0 || !names.every((name) => known.has(name))) return null
    this.#validate()
    await Promise.resolve()
    const wanted = new Set<unknown>(names)
    return this.#build(
      all.filter((definition) => wanted.has(get(definition, 'name'))),
      all,
    )
  }

  /**
   * The streams of these names, and perhaps others. A read of one stream out of a hundred builds only that
   * stream, if none is dynamic.
   */
  async toRead(names: readonly string[]): Promise<readonly Stream[]> {
    const hasDynamic = list(this.#manifest.definition, 'dynamic_streams').length > 0
    return (hasDynamic ? null : await this.named(names)) ?? (await this.first())
  }

  async generated(): Promise<ReadonlyMap<string, readonly string[]>> {
    const definitions = list(this.#manifest.definition, 'dynamic_streams').filter(isPlainDict)
    const names = new Map<string, string[]>()
    for (const [index, definition] of definitions.entries())
      names.set(dynamicStreamName(definition, index), [])
    for (const { dynamicStream, definition } of await this.#dynamic())
      names.get(dynamicStream)?.push(text(definition, 'name'))
    return names
  }

  /** Streams, and dynamic streams, that need a component in Python which no TypeScript component replaces. */
  unsupported(): readonly UnsupportedStream[] {
    const listed = this.#listed().flatMap((definition) => {
      const reason = unsupportedReason(definition, isRegistered)
      return reason === undefined ? [] : [{ name: text(definition, 'name'), reason }]
    })
    return [...listed, ...unsupportedDynamicStreams(this.#manifest, isRegistered)]
  }

  /**
   * Why a stream that the manifest does not list may be missing: the dynamic stream that makes it needs
   * Python.
   */
  reasonForGenerated(): string | undefined {
    const [left] = unsupportedDynamicStreams(this.#manifest, isRegistered)
    return left && `${left.name}: ${left.reason}`
  }

  #static(): readonly PlainDict[] {
    return this.#listed().filter(
      (definition) => unsupportedReason(definition, isRegistered) === undefined,
    )
  }

  #listed(): readonly PlainDict[] {
    return staticStreams(this.#manifest, this.#builder.config, this.#builder.templates)
  }

  #dynamic() {
    return resolveDynamicStreams(
      this.#manifest,
      this.#builder,
      (dynamicStream) => unsupportedReason(dynamicStream, isRegistered) === undefined,
    )
  }

  #build(definitions: readonly PlainDict[], all: readonly PlainDict[]): readonly Stream[] {
    const streams = cacheParents(definitions, all).map((definition) =>
      get(definition, 'type') === 'StateDelegatingStream'
        ? stateDelegatingStream(definition, this.#builder)
        : declarativeStream(definition, this.#builder),
    )
    assignGroups(streams, streamGroups(this.#manifest))
    return streams
  }
}

/**
 * Puts streams into the `stream_groups` of the manifest. A child in the group of its parent would wait for
 * itself.
 */
function assignGroups(streams: readonly Stream[], groups: ReadonlyMap<string, string>): void {
  for (const stream of streams) {
    const group = groups.get(stream.name)
    if (group === undefined) continue
    const parent = parentsOf(stream).find(({ name }) => groups.get(name) === group)
    if (parent !== undefined)
      throw invalidComponent(
        `the stream group ${group}`,
        `it has stream ${stream.name} and its parent ${parent.name}, which would wait for each other for ever. Remove one of them.`,
      )
    stream.blockSimultaneousRead = group
  }
}
