import { addFields } from './add-fields.ts'
import { dpathFlattenFields } from './dpath-flatten-fields.ts'
import { flattenFields } from './flatten-fields.ts'
import { keysReplace } from './keys-replace.ts'
import { keysToLower } from './keys-to-lower.ts'
import { keysToSnakeCase } from './keys-to-snake-case.ts'
import { removeFields } from './remove-fields.ts'
import type { Component } from '../../component.ts'

export const transformations: ReadonlyMap<string, Component<'transformation'>> = new Map<
  string,
  Component<'transformation'>
>([
  ['AddFields', addFields],
  ['DpathFlattenFields', dpathFlattenFields],
  ['FlattenFields', flattenFields],
  ['KeysReplace', keysReplace],
  ['KeysToLower', keysToLower],
  ['KeysToSnakeCase', keysToSnakeCase],
  ['RemoveFields', removeFields],
])
