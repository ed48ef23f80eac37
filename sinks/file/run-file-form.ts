import { resolve } from 'node:path'
import { z } from 'zod'
import type { RunFileForm } from '../run-file-form.ts'
import { fileFields, fileOptions } from '../row-files/file-options.ts'
import type { FileConfig } from './file-place.ts'

const urlScheme = 'file:'

/** `destination.config` of a folder. */
const folderFields = z.strictObject({ folder: z.string().min(1).optional(), ...fileFields })

export const fileForm: RunFileForm<FileConfig> = {
  resolve: ({ url, config: document, folder: base }, { check, add }) => {
    const config = check(folderFields, document)
    if (config === undefined) return undefined
    const { folder = url?.slice(urlScheme.length) } = config
    if (url !== undefined && !url.startsWith(urlScheme)) {
      add({ field: ['url'], problem: 'does not begin with `file:`', fix: 'Write `file:FOLDER`.' })
      return undefined
    }
    if (url !== undefined && config.folder !== undefined) {
      const fix = 'Remove it, or remove `url`.'
      add({ field: ['config', 'folder'], problem: 'is given by `url` already', fix })
      return undefined
    }
    if (folder === undefined || folder === '') {
      const fix = 'Add `folder` to destination.config: a path, relative to the run file.'
      add({ field: ['config', 'folder'], problem: 'is missing', fix })
      return undefined
    }
    const options = fileOptions(config, { standard: 'none', add })
    return options && { type: 'file', folder: resolve(base, folder), ...options }
  },
}
