import { flag, list, optionalComponent, optionalText, parametersOf } from '../../definition.ts'
import { dictOf, entries, has, isDict, isEmpty, keys, set } from '../../value/dict.ts'
import { str } from '../../value/text.ts'
import { truth } from '../../value/truth.ts'
import { compileGlob, DpathError, find, findAll, removeMatches, type Glob } from './dpath.ts'
import type { Builder } from '../../component.ts'
import type { Transformation } from '../../contracts.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'

/**
 * DpathFlattenFields: the fields of the object at a path become fields of the record, unless one of the names
 * is taken.
 */
export function dpathFlattenFields(definition: PlainDict, builder: Builder): Transformation {
  const path = compilePath(definition, builder)
  const rename = compileKeyTransformation(definition, builder)
  const deletesOrigin = flag(definition, 'delete_origin_value', false)
  const replacesRecord = flag(definition, 'replace_record', false)
  return {
    transform(record) {
      const { glob, hasStar } = path()
      const found = hasStar ? findAll(record, glob)[0] : find(record, glob)
      if (found === undefined || !isDict(found)) return record
      const fields = rename(found)
      // An empty path finds the record, and the reference empties that before it takes its fields.
      if (replacesRecord && !isEmpty(fields)) return fields === record ? {} : fields
      if (keys(fields).some((key) => has(record, key))) return record
      if (deletesOrigin) deleteOrigin(record, glob)
      for (const [key, value] of entries(fields)) set(record, key, value)
      return record
    },
  }
}

function deleteOrigin(record: Dict, glob: Glob): void {
  if (removeMatches(record, glob) === 0)
    throw new DpathError('PathNotFound', 'There is nothing to delete at the field_path.')
}

/**
 * The path depends on the configuration only: it is evaluated once, at the first record, where its errors
 * belong.
 */
function compilePath(
  definition: PlainDict,
  { templates, config }: Builder,
): () => { readonly glob: Glob; readonly hasStar: boolean } {
  const parameters = parametersOf(definition)
  const segments = list(definition, 'field_path').map((segment) =>
    templates.string(segment, { parameters }),
  )
  let path: { readonly glob: Glob; readonly hasStar: boolean } | undefined
  return () => {
    if (path === undefined) {
      const evaluated: Value[] = segments.map((evaluate) => evaluate({ config }))
      path = { glob: compileGlob(evaluated), hasStar: evaluated.includes('*') }
    }
    return path
  }
}

/** KeyTransformation: a prefix and a suffix of the names. */
function compileKeyTransformation(
  definition: PlainDict,
  { templates, config }: Builder,
): (fields: Dict) => Dict {
  const transformation = optionalComponent(definition, 'key_transformation')
  if (transformation === undefined) return (fields) => fields
  const affix = (name: string) => {
    const template = optionalText(transformation, name)
    if (template === undefined) return ''
    const value = templates.string(template, { parameters: parametersOf(definition) })({ config })
    return truth(value) ? str(value) : ''
  }
  const prefix = affix('prefix')
  const suffix = affix('suffix')
  if (prefix === '' && suffix === '') return (fields) => fields
  return (fields) =>
    dictOf(entries(fields).map(([key, value]) => [`${prefix}${str(key)}${suffix}`, value]))
}
