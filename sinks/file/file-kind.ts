import type { DestinationKind } from '../destination-kind.ts'
import { fileCommits, fileModes } from '../row-files/file-options.ts'
import { folderForm } from './connection-form.ts'
import type { FileConfig } from './file-place.ts'

const importParts = () => import('./open-folder.ts')

export const fileKind: DestinationKind<FileConfig> = {
  type: 'file',
  schemes: ['file'],
  options: [],
  capabilities: {
    modes: fileModes,
    copyRows: false,
    lanesReopen: false,
    stages: true,
    tables: false,
    mergesByCursor: false,
  },
  words: {
    places: 'folders',
    readRows: 'Read the files of its folders: docs/destinations.md.',
    stays: 'its folders stay, with their files',
  },
  preload: () => {
    importParts().catch(() => undefined) // the caller that opens it gets the error
  },
  open: async (config) => {
    const { openFolder } = await importParts()
    return openFolder(config)
  },
  preloadLane: () => {
    importParts().catch(() => undefined) // the caller that opens the lane gets the error
  },
  openLane: async (config, lane) => {
    const { openFolderLane } = await importParts()
    return openFolderLane(config, lane)
  },
  commits: fileCommits,
  rejections: () => 'the folder `_rejected` of the stream',
  texts: ({ folder }) => ({ secrets: [], names: [folder] }),
  connection: folderForm,
  runFile: async () => {
    const { fileForm } = await import('./run-file-form.ts')
    return fileForm
  },
}
