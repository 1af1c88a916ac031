"""A new key: everything is sealed anew, look-ups stay, an interrupted run goes on."""

from __future__ import annotations

from crm_core.customers import sealed
from crm_core.customers.models import Customer
from crm_core.customers.protection import resealing
from crm_core.db.database import Database
from crm_core.kernel.sealing import KeyRing, key_id_of
from tests.conftest import KEYS
from tests.factories import add_customer

OLD = bytes(range(32))
CARD = "110101194912310022"


async def sealed_customers(db: Database, count: int) -> list[int]:
    ids = [(await add_customer(db, f"客户{n}")).id for n in range(count)]
    async with db.uow() as uow:
        for n, one in enumerate(ids):
            customer = await uow.session.get_one(Customer, one)
            sealed.set_id_card(uow.keyring, customer, f"{CARD[:-2]}{n:02}")
            sealed.set_medical(uow.keyring, customer, {"allergies": "青霉素", "contraindications": "蜂胶"})
    return ids


async def test_after_a_rotation_every_value_is_sealed_with_the_new_key(db: Database, monkeypatch: object) -> None:
    ids = await sealed_customers(db, 5)
    tokens = {one: await _token(db, one) for one in ids}
    db.keyring = KeyRing({"k1": OLD, "k2": bytes(32)}, "k2", bytes(range(32, 64)))
    resealing_batch, resealing._BATCH = resealing._BATCH, 2  # type: ignore[misc]
    try:
        # Stopped in the middle, and begun again.
        async for _ in resealing.reseal(db):
            break
        told = [found async for found in resealing.reseal(db)]
        assert [found for found in [one async for one in resealing.reseal(db)] if found[1]] == []
    finally:
        resealing._BATCH = resealing_batch  # type: ignore[misc]
    assert sum(count for _, count in told) == 5 * 3 - 2
    db.keyring = KeyRing({"k2": bytes(32)}, "k2", bytes(range(32, 64)))
    async with db.read() as session:
        for n, one in enumerate(ids):
            customer = await session.get_one(Customer, one)
            assert customer.id_card_sealed is not None
            assert key_id_of(customer.id_card_sealed) == "k2"
            assert sealed.open_id_card(db.keyring, one, customer.id_card_sealed) == f"{CARD[:-2]}{n:02}"
            medical = sealed.open_medical(db.keyring, one, customer.medical_sealed, customer.contraindications_sealed)
            assert (medical["allergies"], medical["contraindications"]) == ("青霉素", "蜂胶")
            assert tokens[one] == customer.id_card_index == sealed.id_card_index(db.keyring, f"{CARD[:-2]}{n:02}")
    assert KEYS.ids == ("k1",)


async def _token(db: Database, customer_id: int) -> str | None:
    async with db.read() as session:
        return (await session.get_one(Customer, customer_id)).id_card_index


def test_every_sealed_column_is_known_to_the_rotation() -> None:
    assert resealing.sealed_columns() == {(place.table, place.column) for place in resealing.PLACES}
