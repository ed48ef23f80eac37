import { quoteIdentifier, quoteLiteral } from '../../postgres/quote.ts'
import { operatorIn } from '../../postgres/search-path.ts'
import type { Condition, ConditionColumn, ConditionValue } from '../../protocol/rules/condition.ts'
import { isMomentKind } from '../../protocol/rules/moments.ts'
import { selectExpression, type ColumnType } from './column-types.ts'

/** The type of a column in the table; undefined: the table no longer has it, and it is NULL. */
export type TypeOf = (column: ConditionColumn) => ColumnType | undefined

/**
 * A condition as SQL, for any search path. It means what the read worker means by it (`conditionTest`):
 * texts are compared by code points, numbers by their exact value, doubles as doubles, moments by instant.
 */
export function conditionSql(condition: Condition, typeOf: TypeOf): string {
  switch (condition.is) {
    case 'all':
    case 'any': {
      const parts = condition.parts.map((part) => conditionSql(part, typeOf))
      return `(${parts.join(condition.is === 'all' ? ' AND ' : ' OR ')})`
    }
    case 'not':
      return `(NOT ${conditionSql(condition.part, typeOf)})`
    case 'null': {
      if (typeOf(condition.column) === undefined) return 'true'
      // A composite of NULLs IS NULL, and yet it is a value.
      return `(${quoteIdentifier(condition.column.name)} IS NOT DISTINCT FROM NULL)`
    }
    case 'compared': {
      const { column, operator, value } = condition
      const isEquality = operator === '=' || operator === '<>'
      const left = compared(column, typeOf(column), { isEquality, values: [value] })
      return `(${left.expression} ${operatorIn('pg_catalog', operator)} ${valueBeside(left, value)})`
    }
    case 'in': {
      const { column, values } = condition
      const left = compared(column, typeOf(column), { isEquality: true, values })
      const list = values.map((value) => valueBeside(left, value)).join(', ')
      return `(${left.expression} ${operatorIn('pg_catalog', '=')} ANY (ARRAY[${list}]))`
    }
    case 'like': {
      const { column, pattern } = condition
      const use = { isEquality: false, values: [] }
      const { expression, type } = compared(column, typeOf(column), use)
      return `(${expression} ${operatorIn('pg_catalog', '~~')} ${literal(pattern, type)})`
    }
  }
}

function valueBeside({ type, isUnpadded = false }: Compared, value: ConditionValue): string {
  return literal(isUnpadded ? String(value).replace(/ +$/, '') : value, type)
}

function literal(value: ConditionValue, type: string): string {
  return `${quoteLiteral(String(value))}::pg_catalog.${type}`
}

interface Compared {
  readonly expression: string
  /** The type of the values beside it. */
  readonly type: string
  /** Blanks at the end do not count. */
  readonly isUnpadded?: boolean
}

interface Use {
  readonly isEquality: boolean
  readonly values: readonly ConditionValue[]
}

function compared(column: ConditionColumn, type: ColumnType | undefined, use: Use): Compared {
  const { kind } = column
  if (kind === 'integer' || kind === 'number') return number(column, type, use)
  if (kind === 'double') return double(column, type)
  if (kind === 'boolean') return plain(column, type, 'bool')
  if (isMomentKind(kind)) return plain(column, type, kind)
  return text(column, type, use)
}

function plain({ name }: ConditionColumn, type: ColumnType | undefined, wanted: string): Compared {
  if (type === undefined) return { expression: `NULL::pg_catalog.${wanted}`, type: wanted }
  const column = quoteIdentifier(name)
  // The configuration may still have a type that the column no longer has.
  const expression = isOf(type, [wanted]) ? column : `${column}::pg_catalog.${wanted}`
  return { expression, type: wanted }
}

const largestInteger = 2n ** 63n - 1n

/** Integers are compared as such, so that an index serves. */
function number(
  { name }: ConditionColumn,
  type: ColumnType | undefined,
  { values }: Use,
): Compared {
  if (type === undefined) return { expression: 'NULL::pg_catalog.numeric', type: 'numeric' }
  const column = quoteIdentifier(name)
  const areIntegers = values.every((value) => isInteger(String(value)))
  if (areIntegers && isOf(type, ['int2', 'int4', 'int8']))
    return { expression: column, type: 'int8' }
  const isOid = isOf(type, ['oid'])
  const expression = isOf(type, ['numeric']) ? column : `${column}::pg_catalog.numeric`
  return {
    expression: isOid ? `${column}::pg_catalog.int8::pg_catalog.numeric` : expression,
    type: 'numeric',
  }
}

function isInteger(text: string): boolean {
  if (!/^-?\d{1,19}$/.test(text)) return false
  const value = BigInt(text)
  return value <= largestInteger && value >= -largestInteger
}

/** `real` by its text: 0.1 is not the double nearest to it. */
function double({ name }: ConditionColumn, type: ColumnType | undefined): Compared {
  if (type === undefined) return { expression: 'NULL::pg_catalog.float8', type: 'float8' }
  const column = quoteIdentifier(name)
  if (isOf(type, ['float8'])) return { expression: column, type: 'float8' }
  return { expression: `${column}::pg_catalog.text::pg_catalog.float8`, type: 'float8' }
}

/**
 * Equality of texts is the same in every deterministic collation, and without another one an index serves.
 */
function text(
  column: ConditionColumn,
  type: ColumnType | undefined,
  { isEquality }: Use,
): Compared {
  const own = textExpression(column, type)
  const isPlain = type === undefined || (isOf(type, ['text', 'varchar']) && type.isDeterministic)
  const expression = isEquality && isPlain ? own : `${own} COLLATE pg_catalog."C"`
  return { expression, type: 'text', isUnpadded: type !== undefined && isBlankPadded(type) }
}

/** Types whose cast to text gives what the type's output function gives. */
const castLikeOutput = ['text', 'varchar', 'int2', 'int4', 'int8', 'oid', 'numeric', 'uuid']

/**
 * The text that is read for a column: that of the type's output function, as COPY writes it. A cast to text
 * may give another one (`inet`, `xml`, and whatever has a cast that a user made). The text of `char(n)` is
 * without the blanks that fill it up, which PostgreSQL does not compare either.
 */
export function textExpression(column: ConditionColumn, type: ColumnType | undefined): string {
  if (type === undefined) return 'NULL::pg_catalog.text'
  const selected = `(${selectExpression(column.name, type, column)})`
  if (isOf(type, castLikeOutput) || isBlankPadded(type)) return `${selected}::pg_catalog.text`
  return `(CASE WHEN ${selected} IS NOT NULL THEN pg_catalog.format('%s', ${selected}) END)`
}

/** The type is `char(n)`. */
export function isBlankPadded(type: ColumnType): boolean {
  return isOf(type, ['bpchar'])
}

function isOf({ schema, name, isArray }: ColumnType, names: readonly string[]): boolean {
  return schema === 'pg_catalog' && !isArray && names.includes(name)
}
