import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TemplateCompiler } from '../../../manifest-interpreter/interpolation/template-compiler.ts'
import { TemplateError } from '../../../manifest-interpreter/interpolation/template-error.ts'
import { dictOf } from '../../../manifest-interpreter/value/dict.ts'
import { parseJson } from '../../../manifest-interpreter/value/json.ts'
import { usually, usuallyThird } from '../../support/long.ts'

const compiler = new TemplateCompiler({
  nowMicros: () => 1_740_000_000_000_000,
  uuid: () => '00000000-0000-4000-8000-000000000000',
})

function evaluate(template: string): unknown {
  const record = parseJson('{"a": "x", "list": [1, 2], "__proto__": {"polluted": 1}}')
  return compiler.jinja(template)({ config: { b: 1 }, record })
}

// Without its limit each of these takes minutes, more than a test may, or the memory or the stack of the
// process. That it ends as a template that failed is the proof.
describe('a template cannot run away', () => {
  test.each([
    ['a power', '{{ 9 ** (9 ** 9) }}'],
    ['a repeated text', "{{ 'x' * 1000000000 }}"],
    ['a repeated list', '{{ [1] * 1000000000 }}'],
    ['a padded text', "{{ 'x'.zfill(1000000000) }}"],
    ['a format', "{{ '%1000000000d' % 1 }}"],
    [
      'loops in loops',
      `{% for a in 'x' * 9999 %}{% for b in "x" * 999 %}1{% endfor %}{% endfor %}`,
    ],
    ['a macro that calls itself', '{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}'],
    [
      'a text that doubles',
      "{% set n = namespace(t='x') %}{% for i in 'x' * 64 %}{% set n.t = n.t ~ n.t %}{% endfor %}",
    ],
    [
      'a list that grows while it is walked',
      '{% set l = [1] %}{% for i in l %}{{ l.extend(l) }}{% endfor %}{{ l * 9999999 }}',
    ],
    ['a format of a time', "{{ now_utc().strftime('%c%A' * 2400000) | length }}"],
    ['a format of the macro', "{{ format_datetime('2025-01-01', '%A' * 4000000) | length }}"],
    [
      'formats in a loop',
      "{% for i in 'x' * 900000 %}{{ now_utc().strftime('%c' * 400) }}{% endfor %}",
    ],
    ['a wide format of a time', "{{ now_utc().strftime('%999999999d') }}"],
    ['a format of a delta of days', "{{ day_delta(1, '%Y' * 1000000) }}"],
    ['a time that is read with a long format', "{{ format_datetime('1', '%Y', '%d ' * 1000000) }}"],
    ['many wide places', "{{ ('{0:>900000}' * 9000).format(1) | length }}"],
    ['brackets', `{{ ${'['.repeat(5000)}${']'.repeat(5000)} }}`],
    ['negations', `{{ ${'not '.repeat(100_000)} 1 }}`],
    ['blocks', '{% if 1 %}'.repeat(2000) + '{% endif %}'.repeat(2000)],
    ['a list that holds itself', '{% set l = [] %}{{ l.append(l) or l }}'],
    ['a regular expression without end', `{{ 'a' | regex_search('${'(a'.repeat(20_000)}') }}`],
  ])('%s', (_what, template) => {
    expect(() => evaluate(template)).toThrow(TemplateError)
  })

  test.each(
    usuallyThird(0, [
      String.raw`^(\w+\s?)*$`,
      '^(a+)+$',
      '^(a|a)*$',
      '^(a|aa)+$',
      '(?:a?){40}a{40}!!',
      '(x+x+)+y|(a*)*$$b',
      '(?=(a+)+b)',
      String.raw`(a*)*\1b`,
      '(?x)(a+) +$',
      '(?x)(a+)#comment\n+$',
      '(a+)(?#comment)+$',
      '(?x)(a+) (?#comment) #comment\n {2,}$',
    ]),
  )('a regular expression that backtracks without end: %s', (pattern) => {
    for (const filter of ['regex_search', 'regex_replace']) {
      const args = [JSON.stringify(pattern), ...(filter === 'regex_replace' ? ["''"] : [])]
      expect(() => evaluate(`{{ ('a' * 60 ~ '!') | ${filter}(${args.join(', ')}) }}`)).toThrow(
        'Avoid repetitions inside of repetitions',
      )
    }
  })

  test.each(
    usually(1, [
      `${'a?'.repeat(40)}${'a'.repeat(40)}`,
      '(?:a|b|)'.repeat(1000),
      '(?:a?){3}'.repeat(20),
    ]),
  )('a regular expression that takes long to compile is refused: %s', (pattern) => {
    expect(() => evaluate(`{{ 'a' | regex_search(${JSON.stringify(pattern)}) }}`)).toThrow(
      'too many alternatives and optional parts',
    )
  })

  test.each(
    usually(1, [
      `(?i)${String.raw`\w`.repeat(4900)}`,
      `[${String.raw`\w`.repeat(4900)}]`,
      String.raw`\b`.repeat(3000),
      '$'.repeat(9000),
    ]),
  )('a regular expression of many classes is refused: %s', (pattern) => {
    expect(() => evaluate(`{{ 'a' | regex_search(${JSON.stringify(pattern)}) }}`)).toThrow(
      'too many classes',
    )
  })

  test('a regular expression may have some classes', () => {
    const words = `${String.raw`\bone\b|\btwo\b|`.repeat(5)}${String.raw`(\w+\s\d)`}`
    expect(evaluate(`{{ 'a 1' | regex_search(${JSON.stringify(words)}) }}`)).toBe('a 1')
  })

  test.each(usually(1, [String.raw`(.*)\1b`, '(?P<all>.*)(?P=all)b', '(.*)(.)b']))(
    'a regular expression that is quick by itself is not repeated without end: %s',
    (pattern) => {
      expect(() =>
        evaluate(
          `{% for i in 'x' * 9000 %}{{ ('a' * 800) | regex_search(${JSON.stringify(pattern)}) }}{% endfor %}`,
        ),
      ).toThrow('does too much work')
    },
  )

  test.each(usually(1, ['.*a.*b.*c.*d.*e', String.raw`(\d+)x`, '[^,]*,[^,]*,[^!]*!']))(
    'a regular expression in a long text ends: %s',
    (pattern) => {
      mayFail(`{{ ('12ab,' * 100000) | regex_search(${JSON.stringify(pattern)}) }}`)
    },
  )

  test('regular expressions of one evaluation share a limit of time', () => {
    expect(() =>
      evaluate(
        "{% for i in 'x' * 500 %}{{ ('a' * (20 if i else 0) ~ '!') | regex_search('^(a+)+$') }}{% endfor %}",
      ),
    ).toThrow('does too much work')
  })

  test('a long chain of operators either works or fails as a template', () => {
    fc.assert(
      fc.property(fc.constantFrom('+', '~', 'and', '**', '.a', '|int'), (operator) => {
        const template = `{{ 1${(operator.startsWith('.') || operator.startsWith('|') ? operator : ` ${operator} 1`).repeat(20_000)} }}`
        mayFail(template)
      }),
    )
  })
})

describe('a template reaches no object of JavaScript', () => {
  test.each([
    '{{ record.constructor }}',
    "{{ record['constructor'] }}",
    '{{ record.toString }}',
    '{{ record.hasOwnProperty }}',
    "{{ config['__proto__'] }}",
    '{{ config.__proto__ }}',
    "{{ ''.constructor }}",
    '{{ [].constructor }}',
    '{{ [].length }}',
    '{{ (1).toFixed }}',
    "{{ ''.__class__ }}",
    "{{ config.get('constructor') or '' }}",
    '{{ dict().constructor }}',
    '{{ now_utc().constructor }}',
    '{{ now_utc().epochMicros }}',
    '{{ namespace().constructor }}',
    "{{ [config] | map(attribute='constructor') | join }}",
    "{{ '%s' | format(config.valueOf) }}",
  ])('%s is empty', (template) => {
    expect(evaluate(template) ?? '').toBe('')
  })

  test.each([
    '{{ constructor }}',
    '{{ __proto__ }}',
    '{{ toString }}',
    '{{ globalThis }}',
    '{{ process }}',
  ])('%s is no name', (template) => {
    expect(() => evaluate(template)).toThrow(TemplateError)
  })

  test('what a template writes under __proto__ stays a key', () => {
    expect(
      evaluate("{% set _ = record.update({'__proto__': {'x': 1}}) %}{{ record.x }}"),
    ).toBeNull()
    expect(({} as Record<string, unknown>).x).toBeUndefined()
  })
})

function mayFail(template: string): void {
  try {
    evaluate(template)
  } catch (error) {
    expect(error).toBeInstanceOf(TemplateError)
  }
}

const fragment = fc.oneof(
  fc.constantFrom(
    ...'{{ |}} |{% |%} |{# |#} |{%- |-%}|if |else |endif |for x in |endfor |set x = |macro m() |endmacro |record|config|.a|[0]|[1:]|[::-1]|(|)|[|]|{|}|, |: || default|| join| is defined| is none| in | not | and | or |+|-|*|/|//|%|**|~|==|<|1|2.5|"x"|\'y\'|none|true|loop|namespace()|max|raw |endraw '.split(
      '|',
    ),
  ),
  fc.string(),
)

test('any text renders or fails as a template', () => {
  fc.assert(
    fc.property(fc.array(fragment, { maxLength: 30 }), (parts) => {
      mayFail(parts.join(''))
      mayFail(`{{ ${parts.join('')} }}`)
      mayFail(`{% ${parts.join('')} %}`)
    }),
    { numRuns: 1500 },
  )
})

test('any regular expression matches or fails as a template', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[ab.*+?()[\]{}^$|\\dwsbAZ0-9,<>P:=!-]{0,12}$/), (pattern) => {
      mayFail(`{{ 'ab1' | regex_search(${JSON.stringify(pattern)}) }}`)
      mayFail(`{{ 'ab1' | regex_replace(${JSON.stringify(pattern)}, 'x') }}`)
    }),
    { numRuns: 1000 },
  )
})

test.each([
  ['striptags', '<'.repeat(1_000_000)],
  ['striptags', '<!--'.repeat(250_000)],
  ['striptags', '<a '.repeat(300_000)],
  ['wordwrap(10)', '<'.repeat(1_000_000)],
  ['wordwrap(10000000)', 'a '.repeat(200_000)],
])('%s takes no longer for a text that a hostile API made for it', (filter, text) => {
  // If the time grew with the square of the length, it would take minutes, which is more than the test may
  // take.
  compiler.string(`{{ record.text|${filter} }}`)({ record: dictOf([['text', text]]) })
})
