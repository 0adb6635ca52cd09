from typing import Literal

import msgspec
import pytest
from provider_workers.domain.progress import Clip
from testkit.stories import clip_requested


@pytest.mark.parametrize(("priority", "in_batch"), [("interactive", False), ("batch", True)])
def test_a_clip_of_a_batch_claims_its_slot_as_one(priority: Literal["interactive", "batch"], in_batch: bool) -> None:
    request = msgspec.structs.replace(clip_requested(), priority=priority)
    assert Clip(request=request, last_sequence=1).claim.in_batch is in_batch
