import { PythonError, valueError, type PythonErrorKind } from '../value/python-error.ts'
import type { Dict } from '../value/value.ts'
import { ExpressionCompiler, type Evaluator } from './compile-expression.ts'
import { StatementCompiler } from './compile-statement.ts'
import type { Environment } from './environment.ts'
import { Frame, type TemplateInput } from './frame.ts'
import { isPlainText, normalized } from './lexer.ts'
import type { Body } from './nodes.ts'
import type { Operand } from './operand.ts'
import { Output } from './output.ts'
import { parseTemplate } from './parse-template.ts'
import { undeclaredNames } from './undeclared.ts'
import { assignedNames, calledNames } from './walk.ts'

/**
 * A template, compiled. Its value is what `str` would be taken of: a template that is one expression gives
 * that expression's value, any other its text.
 */
export interface Template {
  readonly text: string
  /** The rendered text of a template that has no tag at all. */
  readonly constant: string | undefined
  /** The error in the text itself: `evaluate` throws it, whatever its input is. */
  readonly problem: PythonError | undefined
  /** Functions that it calls and that do not exist. */
  readonly unknownFunctions: readonly string[]
  /** Throws a PythonError. `parameters` stands in for the value that the input has under this name. */
  evaluate(input: TemplateInput, parameters: Dict | undefined): Operand
}

/** Never throws: `evaluate` throws the error of a wrong text. */
export function compileTemplate(text: string, environment: Environment): Template {
  if (isPlainText(text)) {
    const constant = normalized(text)
    return { text, constant, problem: undefined, unknownFunctions: [], evaluate: () => constant }
  }
  try {
    return { text, constant: undefined, problem: undefined, ...compile(text, environment) }
  } catch (error) {
    const failure = asPythonError(error)
    return {
      text,
      constant: undefined,
      problem: failure,
      unknownFunctions: [],
      evaluate: () => {
        throw failure
      },
    }
  }
}

/** A stack that is full is the template's fault: it is nested too deeply. Any other error is ours. */
export function asPythonError(error: unknown): PythonError {
  if (error instanceof PythonError) return error
  if (error instanceof RangeError) {
    return new PythonError('LimitError', 'The template is nested too deeply.', { cause: error })
  }
  throw error
}

export function kindOf(error: unknown): PythonErrorKind | undefined {
  return error instanceof PythonError ? error.kind : undefined
}

function compile(
  text: string,
  environment: Environment,
): Pick<Template, 'evaluate' | 'unknownFunctions'> {
  const body = parseTemplate(text)
  const required = requiredNames(body, environment)
  const evaluate = compileBody(body, environment)
  const called = calledNames(body)
  const unknownFunctions = required.filter((name) => called.has(name))
  const evaluateIn: Template['evaluate'] = (input, parameters) => {
    const frame = new Frame(environment, input, parameters)
    for (const name of required) {
      if (frame.fromInput(name) === undefined) {
        throw valueError(`The template uses the name "${name}", which is not known here.`)
      }
    }
    return evaluate(frame)
  }
  return { unknownFunctions, evaluate: evaluateIn }
}

/** The names that must be given: those that the template neither sets nor finds among the functions. */
function requiredNames(body: Body, environment: Environment): readonly string[] {
  const names = [...undeclaredNames(body)].filter(
    (name) => environment.function(name) === undefined && name !== 'config',
  )
  return [...new Set(names.map((name) => environment.nameOf(name)))]
}

function compileBody(body: Body, environment: Environment): Evaluator {
  const expressions = new ExpressionCompiler(environment, assignedNames(body))
  const [first] = body
  if (first?.type === 'output' && body.length === 1) return expressions.compile(first.expression)
  const render = new StatementCompiler(expressions).body(body)
  return (frame) => {
    const output = new Output()
    render(frame, output)
    return output.text
  }
}
