import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { zipfileDecoder } from '../../../../manifest-interpreter/components/decoders/zipfile-decoder.ts'
import { SourceError } from '../../../../manifest-interpreter/contracts.ts'
import { all, response, untilError } from '../body.ts'
import { silent } from '../../../support/logger.ts'

const lines = zipfileDecoder({ type: 'ZipfileDecoder', decoder: { type: 'JsonlDecoder' } }, silent)

/** Written by Python's zipfile: a deflated file with 20 lines `{"id": 1}`, a stored one with `{"id": 2}`. */
const archives = {
  plain:
    'UEsDBBQAAAAIAAAAIQDkRQh2DwAAAMgAAAAHAAAAYS5qc29ubKtWykxRslIwrOWqHtIsAFBLAwQUAAAAAAAAACEAJRsVrQoAAAAKAAAABwAAAGIuanNvbmx7ImlkIjogMn0KUEsBAhQDFAAAAAgAAAAhAORFCHYPAAAAyAAAAAcAAAAAAAAAAAAAAIABAAAAAGEuanNvbmxQSwECFAMUAAAAAAAAACEAJRsVrQoAAAAKAAAABwAAAAAAAAAAAAAAgAE0AAAAYi5qc29ubFBLBQYAAAAAAgACAGoAAABjAAAAAAA=',
  'with 64 bit sizes':
    'UEsDBC0AAAAIAAAAIQDkRQh2//////////8HABQAYS5qc29ubAEAEADIAAAAAAAAAA8AAAAAAAAAq1bKTFGyUjCs5aoe0iwAUEsDBC0AAAAAAAAAIQAlGxWt//////////8HABQAYi5qc29ubAEAEAAKAAAAAAAAAAoAAAAAAAAAeyJpZCI6IDJ9ClBLAQItAy0AAAAIAAAAIQDkRQh2DwAAAMgAAAAHAAAAAAAAAAAAAACAAQAAAABhLmpzb25sUEsBAi0DLQAAAAAAAAAhACUbFa0KAAAACgAAAAcAAAAAAAAAAAAAAIABSAAAAGIuanNvbmxQSwUGAAAAAAIAAgBqAAAAiwAAAAAA',
  'behind other bytes':
    'IyEvYmluL3NoClBLAwQUAAAACAAAACEA5EUIdg8AAADIAAAABwAAAGEuanNvbmyrVspMUbJSMKzlqh7SLABQSwMEFAAAAAAAAAAhACUbFa0KAAAACgAAAAcAAABiLmpzb25seyJpZCI6IDJ9ClBLAQIUAxQAAAAIAAAAIQDkRQh2DwAAAMgAAAAHAAAAAAAAAAAAAACAAQoAAABhLmpzb25sUEsBAhQDFAAAAAAAAAAhACUbFa0KAAAACgAAAAcAAAAAAAAAAAAAAIABPgAAAGIuanNvbmxQSwUGAAAAAAIAAgBqAAAAbQAAAAAA',
} as const
const archive = Buffer.from(archives.plain, 'base64')

describe('ZipfileDecoder', () => {
  test.each(Object.entries(archives))(
    'reads all files of an archive, %s',
    async (_name, base64) => {
      const values = await all(lines.decode(response(Buffer.from(base64, 'base64'))))
      expect(values).toEqual([...Array.from({ length: 20 }, () => ({ id: 1 })), { id: 2 }])
    },
  )

  test('says so where the body is no archive or is cut off', async () => {
    for (const body of ['', 'not a zip', archive.subarray(0, 200)])
      await expect(all(lines.decode(response(body)))).rejects.toThrow(
        'Received an invalid zip file in response.',
      )
  })

  test('notices a file that is damaged', async () => {
    const damaged = Buffer.from(archive)
    damaged.write('3', archive.indexOf('{"id": 2}') + 7)
    await expect(all(lines.decode(response(damaged)))).rejects.toThrow('invalid zip file')
  })

  test('names the file that its decoder cannot read', async () => {
    const json = zipfileDecoder(
      { type: 'ZipfileDecoder', decoder: { type: 'JsonDecoder' } },
      silent,
    )
    await expect(all(json.decode(response(archive)))).rejects.toThrow(
      'Failed to parse file: a.jsonl from zip file.',
    )
  })

  test('any damage ends in values or in a SourceError', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(archive.length - 1),
        fc.integer({ min: 0, max: 255 }),
        async (position, byte) => {
          const damaged = Buffer.from(archive)
          damaged[position] = byte
          const { error } = await untilError(lines.decode(response(damaged)))
          expect([null, SourceError.name]).toContain(error)
        },
      ),
      { numRuns: 300 },
    )
  })
})
