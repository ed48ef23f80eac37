import { describe, expect, test } from 'vitest'
import type { Connector } from '../../connectors/connector.ts'
import { connectorOf } from '../../connectors/registry.ts'
import type { AirbyteStream } from '../../protocol/index.ts'
import { changesContract } from './stream-changes-contract.ts'
import { faultsContract } from './stream-faults-contract.ts'
import { resumeContract } from './stream-resume-contract.ts'
import { openedBench, type StreamSubject } from './stream-subject.ts'
import { StreamBench } from './stream-world.ts'

// A test reads each stream of a connector many times, on a busy machine too.
const options = { timeout: 180_000 }

/** The guarantees of a connector's streams, whatever the vendor, the network and the reader do. */
export async function streamContract(type: string, subject: StreamSubject): Promise<void> {
  const connector = await connectorOf(type)
  describe(`the streams of ${type}`, options, () => {
    contractOf(connector, subject)
  })
}

function contractOf(connector: Connector, subject: StreamSubject): void {
  describe('beside a small vendor', () => {
    const small = openedBench(() => StreamBench.open(connector, () => subject.openSmall()))

    test('a discovery gives the same streams each time, and they are those of the descriptor, if it knows them', async () => {
      const first = await small().discover()
      expect(await small().discover()).toEqual(first)
      const described = await connector.streams?.()
      if (described?.generatesStreams === true) return
      expect(first.map(descriptionOf)).toEqual(
        described?.streams.map(({ name, primaryKey, cursorField, syncModes, isResumable }) => ({
          name,
          primaryKey,
          cursorField,
          syncModes,
          isResumable,
        })),
      )
      expect(described?.generatesStreams).toBe(false)
    })

    test('every stream that may repeat a record has a key that removes the double', async () => {
      const streams = await small().streams()
      for (const name of subject.repeating) {
        const stream = streams.find((candidate) => candidate.name === name)
        expect(stream?.source_defined_primary_key, name).toBeDefined()
      }
    })

    resumeContract(subject, small)
    faultsContract(subject, small)
  })

  changesContract(connector, subject)
}

function descriptionOf(stream: AirbyteStream) {
  return {
    name: stream.name,
    primaryKey: (stream.source_defined_primary_key ?? []).map((path) => path.join('.')),
    cursorField: stream.default_cursor_field?.join('.') ?? null,
    syncModes: stream.supported_sync_modes,
    isResumable: stream.is_resumable,
  }
}
