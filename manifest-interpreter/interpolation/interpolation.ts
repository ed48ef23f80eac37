import { SourceError } from '../source-error.ts'
import type { TemplateInput } from '../jinja/frame.ts'
import { isUndefined, textOfOperand, type Operand } from '../jinja/operand.ts'
import { asPythonError, kindOf, type Template } from '../jinja/template.ts'
import { isComplex } from '../value/complex.ts'
import { textOf } from '../value/hashable.ts'
import { literalCopy } from '../value/literal-copy.ts'
import { literalEval } from '../value/literal-eval.ts'
import { PyObject, type Dict, type Value } from '../value/value.ts'
import { isInstance, type PythonType } from './python-type.ts'
import { TemplateError } from './template-error.ts'

/** The default that is evaluated if a template yields nothing. */
export type DefaultValue =
  /** The template itself: an empty result stays empty, an undefined result is an error. */
  | { readonly kind: 'itself' }
  | { readonly kind: 'template'; readonly template: Template }
  | { readonly kind: 'value'; readonly value: Value }

export interface Interpolation {
  readonly template: Template
  readonly otherwise: DefaultValue
  readonly parameters: Dict | undefined
  readonly validTypes: readonly PythonType[] | undefined
}

/** Compiles a template and its default to a closure that does the same as JinjaInterpolation.eval. */
export function compileInterpolation(
  interpolation: Interpolation,
): (scope: TemplateInput) => Value {
  const { template } = interpolation
  if (hasRemovedVariable(template.text)) {
    return () => {
      throw new SourceError(removedVariable, { failureType: 'config_error' })
    }
  }
  const { constant } = template
  if (constant === undefined || constant === '') return (scope) => evaluate(interpolation, scope)
  const value = valueOf(constant, interpolation)
  return () => value
}

const removedVariable =
  '`stream_state` is no longer supported for interpolation. We recommend using `stream_interval` instead. Please reference the CDK Migration Guide for more information.'

function hasRemovedVariable(text: string): boolean {
  return text.includes('stream_state')
}

function evaluate(interpolation: Interpolation, scope: TemplateInput): Value {
  const { template, otherwise, parameters } = interpolation
  let result: Operand
  try {
    result = template.evaluate(scope, parameters)
    if (!isNothing(result)) return valueOf(result, interpolation)
  } catch (error) {
    const kind = kindOf(error)
    // Operands that do not fit together make the template plain text, as in the reference.
    if (kind === 'TypeError') return valueOf(template.text, interpolation)
    if (kind !== 'UndefinedError' || otherwise.kind === 'itself') throw failure(template, error)
  }
  return evaluateOtherwise(interpolation, scope)
}

function evaluateOtherwise(interpolation: Interpolation, scope: TemplateInput): Value {
  const { otherwise, parameters } = interpolation
  switch (otherwise.kind) {
    case 'itself':
      return ''
    case 'value':
      return otherwise.value
    case 'template':
      break
  }
  const { template } = otherwise
  try {
    return valueOf(template.evaluate(scope, parameters), interpolation)
  } catch (error) {
    if (kindOf(error) === 'TypeError') return valueOf(template.text, interpolation)
    throw failure(template, error)
  }
}

/** Rendered, it would be the empty text. */
function isNothing(result: Operand): boolean {
  return result === '' || isUndefined(result) || textOf(result) === ''
}

function failure(template: Template, error: unknown): TemplateError {
  const { kind, message } = asPythonError(error)
  return new TemplateError(template.text, { kind, message, cause: error })
}

/** The literal that the text of a result spells, if it is of a valid type; else the text. */
function valueOf(result: Operand, { validTypes }: Interpolation): Value {
  const literal = literalOf(result)
  if (literal === undefined) return textOfOperand(result)
  const isValid =
    validTypes === undefined || validTypes.length === 0
      ? !isComplex(literal)
      : validTypes.some((type) => isInstance(literal, type))
  return isValid ? literal : textOfOperand(result)
}

/** Skips the text if it would give the same. */
function literalOf(result: Operand): Value | undefined {
  if (typeof result === 'string') return literalEval(result)
  if (result === undefined || result instanceof PyObject) return literalEval(textOfOperand(result))
  const copy = literalCopy(result)
  return copy === undefined ? literalEval(textOfOperand(result)) : copy
}
