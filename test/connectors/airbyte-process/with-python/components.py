from dataclasses import dataclass

from airbyte_cdk.sources.declarative.extractors.record_extractor import RecordExtractor


@dataclass
class LabelExtractor(RecordExtractor):
    """Makes a label of each project: what a manifest cannot say."""

    def extract_records(self, response):
        for project in response.json()["data"]:
            yield {"id": project["id"], "label": f"project {project['id']}"}
