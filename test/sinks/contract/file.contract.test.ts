import { randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openFolder, openFolderLane } from '../../../sinks/file/open-folder.ts'
import { standardOptions } from '../../../sinks/row-files/file-options.ts'
import { silent } from '../../support/logger.ts'
import { newFolder } from '../../support/new-folder.ts'
import { destinationContract } from './destination-contract.ts'
import { linesOf, withoutOurs } from './file-lines.ts'
import type { Place, Rejection } from './subject.ts'

destinationContract(
  {
    name: 'file',
    modes: ['append', 'overwrite'],
    overwriteShows: 'at its end',
    makePlace: async () => placeIn(await newFolder('file-destination')),
  },
  'all',
)

function placeIn(folder: string): Place {
  const config = { type: 'file', folder, ...standardOptions('none') } as const
  return {
    connection: `c_${randomUUID().slice(0, 8)}`,
    stream: 'things',
    config,
    open: () => Promise.resolve(openFolder(config)),
    openLane: async (sync, partition = 0) => {
      const lane = await openFolderLane(config, { sync, partition, logger: silent })
      await lane.setColumns(sync.sink.columns)
      return lane
    },
    rows: async () => withoutOurs(await linesIn(join(folder, 'things'), '.jsonl')),
    rejections: async () => {
      const lines = (await linesIn(join(folder, 'things/_rejected'), '.ndjson')) as Rejection[]
      return lines.map(({ slice, seq, reason }) => ({ slice, seq, reason }))
    },
  }
}

/** The lines that `cat FOLDER/*.jsonl` shows. */
async function linesIn(folder: string, ending: string): Promise<readonly unknown[]> {
  const names = await readdir(folder).catch(() => [])
  const files = names.filter((name) => name.endsWith(ending)).toSorted()
  return linesOf(await Promise.all(files.map((name) => readFile(join(folder, name)))))
}
