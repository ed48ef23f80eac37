import { expect, test } from 'vitest'
import {
  classifyStopCondition,
  namesVariable,
} from '../../../../manifest-interpreter/components/paginators/stop-condition-safety.ts'

// Verdicts of the reference for a smallest page of 10.
test.each<[string, string]>([
  ['{{ last_page_size < 100 }}', 'truncates'],
  ['{{ 100 > last_page_size }}', 'truncates'],
  ['{{ last_page_size < 11 }}', 'truncates'],
  ['{{ last_page_size <= 10 }}', 'truncates'],
  ["{{ last_page_size < config['page_size'] }}", 'truncates'],
  ['{{ last_page_size == 0 and last_page_size < 100 }}', 'truncates'],
  ['{% if last_page_size < 100 %}true{% endif %}', 'truncates'],
  ['{{ last_page_size|int < 100 }}', 'truncates'],
  ['{{ last_page_size < 10 }}', 'safe'],
  ['{{ last_page_size <= 9 }}', 'safe'],
  ['{{ last_page_size == 0 }}', 'safe'],
  ['{{ last_page_size < page_size }}', 'safe'],
  ['{{ last_page_size < (page_size|int) }}', 'safe'],
  ['{{ last_page_size > 5 }}', 'safe'],
  ['{{ not response.next }}', 'safe'],
  ['{{ response.x > 5 }}', 'safe'],
  ['{{ response.page >= response.pages }}', 'unknown'],
  ['{{ response.data|length < 100 }}', 'unknown'],
  ['{{ not last_page_size >= 100 }}', 'unknown'],
  ['{{ last_page_size - 100 < 0 }}', 'unknown'],
  ['{{ (last_page_size or 0) < 100 }}', 'unknown'],
  ['{{ last_page_size < page_size + 1 }}', 'unknown'],
  ['{{ last_page_size == 100 }}', 'unknown'],
  ['{{ last_page_size }}', 'unknown'],
  ['x{{ last_page_size < 100 }}', 'unknown'],
  ['{% if last_page_size < 100 %}false{% endif %}', 'unknown'],
  ['{{ last_page_size < ', 'unknown'],
])('the stop condition %s is judged %s', (condition, verdict) => {
  expect(classifyStopCondition(condition, 10).verdict).toBe(verdict)
})

test('a variable is told apart from a member of the same name', () => {
  expect(namesVariable('{{ last_page_size < page_size }}', 'page_size')).toBe(true)
  expect(namesVariable("{{ config['page_size'] or config.page_size }}", 'page_size')).toBe(false)
  expect(namesVariable('{{ broken', 'page_size')).toBe(false)
})
