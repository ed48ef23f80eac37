import { join } from 'node:path'
import { prepareDemoData } from '../demo/prepare-data.ts'
import { libraryEntries } from '../../rolldown.config.ts'
import { writeTypes } from './types.ts'

/**
 * The contents of a package besides its programs, which rolldown has written: types, and the data of the
 * demo.
 */
const dist = join(import.meta.dirname, '../../dist')
await writeTypes(libraryEntries, join(dist, 'types'))
await prepareDemoData(join(dist, 'demo'))
