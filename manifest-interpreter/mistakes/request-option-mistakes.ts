import { list, optionalComponent } from '../definition.ts'
import { get } from '../value/dict.ts'
import { equals } from '../value/equality.ts'
import { str } from '../value/text.ts'
import type { PlainDict, Value } from '../value/value.ts'
import { requestOptionProblem } from '../components/requesters/request-option.ts'

/** Why a RequestOption can never be used, as its stream is built. */
export function requestOptionMistakes(option: PlainDict): readonly string[] {
  const problem = requestOptionProblem(option)
  return problem === undefined ? [] : [problem]
}

/** A paginator whose token and page size go to one place fails before its first request. */
export function paginatorMistakes(paginator: PlainDict): readonly string[] {
  if (get(paginator, 'type') !== 'DefaultPaginator') return []
  const [size, token] = [
    optionalComponent(paginator, 'page_size_option'),
    optionalComponent(paginator, 'page_token_option'),
  ]
  if (size === undefined || token === undefined || get(token, 'type') !== 'RequestOption') return []
  if (get(size, 'inject_into') !== get(token, 'inject_into')) return []
  const [sizePath, tokenPath] = [pathOf(size), pathOf(token)]
  if (!equals([...sizePath], [...tokenPath])) return []
  const name = sizePath.map(str).join('.')
  return [
    `The page size and the page token both set "${name}" of the ${partName(size)}. Correct field_name of page_size_option or of page_token_option.`,
  ]
}

function pathOf(option: PlainDict): readonly Value[] {
  const path = list(option, 'field_path')
  return path.length > 0 ? path : [get(option, 'field_name') ?? null]
}

function partName(option: PlainDict): string {
  const part = get(option, 'inject_into')
  return typeof part === 'string' ? part.replaceAll('_', ' ') : 'request'
}
