import { realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { errorCodeOf } from '../../lib/files/error-code.ts'
import { type ConnectionForm, invalidDestination, notAvailable } from '../connection-form.ts'
import { fileFieldsOf, resolvePlace } from '../place-url.ts'
import { inFolder } from './file-errors.ts'
import type { FileConfig } from './file-place.ts'
import { fileForm } from './run-file-form.ts'

const urlForm = 'file:///FOLDER'

/** Folders of the machine that the service runs on, below those that the operator names. */
export const folderForm: ConnectionForm<FileConfig> = {
  addresses: ['file:FOLDER'],
  find: async ({ destination }, { places: { named } }) => {
    const path = destination.slice('file:'.length).replace(/^\/\/(?=\/)/, '')
    const parts = path.split('/').filter((part) => part !== '')
    if (!path.startsWith('/') || parts.some((part) => part === '.' || part === '..'))
      throw invalidDestination(destination, 'an address of a folder is `file:` and its whole path')
    const folder = `/${parts.join('/')}`
    const [found] = named
      .filter((place): place is FileConfig => place.type === 'file')
      .filter((known) => `${folder}/`.startsWith(join(known.folder, '/')))
      .toSorted((a, b) => b.folder.length - a.folder.length)
    if (found !== undefined) {
      if (await inFolder(folder, () => isInside(folder, found.folder))) return { ...found, folder }
      throw notAvailable(
        destination,
        `a link in it leads out of ${found.folder}`,
        `Add the folder that the link leads to, \`file://FOLDER\`, to \`REACTOR_CONNECT_DESTINATIONS\`, or to \`destinations\` below \`[connect]\`, and use that address.`,
      )
    }
    throw notAvailable(
      destination,
      'the settings name no such folder, and none that it is in',
      `Add \`file://${folder}\` to \`REACTOR_CONNECT_DESTINATIONS\`, or to \`destinations\` below \`[connect]\`.`,
    )
  },
  urls: {
    form: urlForm,
    parse: (text) => {
      const url = URL.parse(text)
      if (url?.protocol !== 'file:' || url.host !== '' || url.pathname === '/')
        return { problem: `is not of the form ${urlForm}` }
      const config = fileFieldsOf(Object.fromEntries(url.searchParams))
      return resolvePlace(fileForm, { url: `file:${decodeURIComponent(url.pathname)}`, config })
    },
  },
}

/** Whether a folder is inside another one, wherever links on the way lead. */
async function isInside(folder: string, outer: string): Promise<boolean> {
  const [real, realOuter] = await Promise.all([realPathOf(folder), realPathOf(outer)])
  return `${real}/`.startsWith(join(realOuter, '/'))
}

/** The real path of the part that is there; what is made below it has no links. */
async function realPathOf(folder: string): Promise<string> {
  try {
    return await realpath(folder)
  } catch (error) {
    const parent = dirname(folder)
    if (errorCodeOf(error) !== 'ENOENT' || parent === folder) throw error
    return join(await realPathOf(parent), folder.slice(join(parent, '/').length))
  }
}
