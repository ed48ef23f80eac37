import type { DestinationKind } from '../destination-kind.ts'
import { instanceAddressForm } from './connection-form.ts'
import { instanceCommits, instanceModes } from './instance-modes.ts'
import type { InstanceConfig } from './instance-place.ts'

const importDestination = () => import('./instance-destination.ts')
const importLane = () => import('./open-lane.ts')

export const instanceKind: DestinationKind<InstanceConfig> = {
  type: 'instance',
  schemes: ['instance'],
  options: ['writes', 'writeDeletes', 'writeMode'],
  capabilities: {
    modes: instanceModes,
    copyRows: false,
    lanesReopen: false,
    stages: false,
    tables: false,
    mergesByCursor: false,
  },
  words: {
    places: 'objects of an instance',
    readRows: 'Look at the records of the instance: docs/write-back.md.',
    stays: 'the records that it has written stay at the vendor',
  },
  preload: () => {
    importDestination().catch(() => undefined) // the caller that opens it gets the error
  },
  open: async (config, { logger, givenUp }) => {
    const { openInstance } = await importDestination()
    return openInstance(config, { logger, signal: givenUp })
  },
  preloadLane: () => {
    importLane().catch(() => undefined) // the caller that opens the lane gets the error
  },
  openLane: async (config, lane) => {
    const { openInstanceLane } = await importLane()
    return openInstanceLane(config, lane)
  },
  commits: instanceCommits,
  rejections: () => 'its rejected records: `reactor connect connections rejects list CONNECTION`',
  requireStreams: async (config, streams) => {
    const { requireWritable } = await import('./require-writable.ts')
    await requireWritable(config, streams)
  },
  texts: ({ secrets, store }) => ({
    secrets: [...secrets, store.password],
    names: [store.user, store.database],
  }),
  login: ({ store }) => store,
  promoted: (config) => ({ ...config, releasesDeletes: true }),
  rejects: {
    list: async (config, request) => {
      const { listRejects } = await import('./rejects.ts')
      return listRejects(config, request)
    },
    retry: async (config, request) => {
      const { retryRejects } = await import('./rejects.ts')
      return retryRejects(config, request)
    },
    discard: async (config, request) => {
      const { discardRejects } = await import('./rejects.ts')
      return discardRejects(config, request)
    },
  },
  connection: instanceAddressForm,
  runFile: async () => {
    const { instanceForm } = await import('./run-file-form.ts')
    return instanceForm
  },
  sandbox: {
    shows: 'writes',
    fingerprint: async (config, basis) => {
      const { writeFingerprint } = await import('./preview/write-fingerprint.ts')
      return writeFingerprint(config, basis)
    },
  },
}
