import { resolveDynamicStreams } from '../components/dynamic/resolve-dynamic-streams.ts'
import { declarativeStream } from '../components/streams/declarative-stream.ts'
import { stateDelegatingStream } from '../components/streams/state-delegating-stream.ts'
import { optionalComponent, list, text } from '../definition.ts'
import { enableParentCaches } from '../manifest/parent-caches.ts'
import { staticStreamDefinitions } from '../manifest/stream-definitions.ts'
import { unsupportedReason } from '../manifest/unsupported.ts'
import { entries, get, isPlainDict } from '../value/dict.ts'
import { parentsOf } from './stream-groups.ts'
import type { Builder, Stream } from '../contracts.ts'
import type { Manifest } from '../manifest/load-manifest.ts'
import type { PlainDict } from '../value/value.ts'
import type { CheckableStreams } from './check-connection.ts'

export interface UnsupportedStream {
  readonly name: string
  readonly reason: string
}

/** The streams of a manifest: static ones, and those that its dynamic definitions make. Built when asked for. */
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

  async generated(): Promise<ReadonlyMap<string, readonly string[]>> {
    const names = new Map<string, string[]>()
    for (const name of this.#manifest.dynamicStreamNames) names.set(name, [])
    for (const { dynamicStream, definition } of await this.#dynamic())
      names.get(dynamicStream)?.push(text(definition, 'name'))
    return names
  }

  /** Static streams that need a component in Python which no TypeScript component replaces. */
  unsupported(): readonly UnsupportedStream[] {
    return staticStreamDefinitions(this.#manifest, this.#builder).flatMap((definition) => {
      const reason = unsupportedReason(definition)
      return reason === null ? [] : [{ name: text(definition, 'name'), reason }]
    })
  }

  #static(): readonly PlainDict[] {
    return staticStreamDefinitions(this.#manifest, this.#builder).filter(
      (definition) => unsupportedReason(definition) === null,
    )
  }

  #dynamic() {
    return resolveDynamicStreams(this.#manifest, this.#builder)
  }

  #build(definitions: readonly PlainDict[], all: readonly PlainDict[]): readonly Stream[] {
    const streams = enableParentCaches(definitions, all).map((definition) =>
      get(definition, 'type') === 'StateDelegatingStream'
        ? stateDelegatingStream(definition, this.#builder)
        : declarativeStream(definition, this.#builder),
    )
    assignGroups(streams, this.#manifest.definition)
    return streams
  }
}

/** Puts streams into the `stream_groups` of the manifest. A child in the group of its parent would wait for itself. */
function assignGroups(streams: readonly Stream[], manifest: PlainDict): void {
  const groups = new Map<string, string>()
  for (const [group, definition] of entries(optionalComponent(manifest, 'stream_groups') ?? {}))
    for (const stream of isPlainDict(definition) ? list(definition, 'streams') : [])
      if (isPlainDict(stream)) groups.set(text(stream, 'name'), String(group))
  for (const stream of streams) {
    const group = groups.get(stream.name)
    if (group === undefined) continue
    const parent = parentsOf(stream).find(({ name }) => groups.get(name) === group)
    if (parent !== undefined)
      throw new TypeError(
        `Stream ${stream.name} and its parent ${parent.name} are both in the group ${group}: a child would wait for its parent for ever.`,
      )
    stream.blockSimultaneousRead = group
  }
}
