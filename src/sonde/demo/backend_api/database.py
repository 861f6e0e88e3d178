"""What the shop keeps: products, orders and goals, through SQLAlchemy in a SQLite file.

Each query is timed by its kind. A write waits a quarter of a second for the file's lock, then fails as SQLite does.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import String, create_engine, delete, event, func, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from sonde.demo.backend_api import signals
from sonde.demo.catalog import PRODUCTS, Product

_LOCK_TIMEOUT_SECONDS = 0.25


class _Table(DeclarativeBase):
    """The tables below."""


class _Product(_Table):
    __tablename__ = "products"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    category: Mapped[str] = mapped_column(String(40), index=True)
    price: Mapped[float]
    description: Mapped[str] = mapped_column(String(2000))


class _Order(_Table):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(String(64), index=True)
    user_id: Mapped[str] = mapped_column(String(64), index=True)
    product_id: Mapped[str] = mapped_column(String(64))
    quantity: Mapped[int]
    total: Mapped[float]
    placed_at: Mapped[dt.datetime]


class _Goal(_Table):
    __tablename__ = "goals"

    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(String(64), index=True)
    user_id: Mapped[str] = mapped_column(String(64), index=True)
    goal_type: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(String(1000))
    completed: Mapped[bool] = mapped_column(default=False)


class Database:
    """The shop's tables. All methods block; ``sqlalchemy.exc.OperationalError`` says that the file is locked."""

    def __init__(self, path: Path) -> None:
        """Open ``path``; a new file is filled with the catalogue."""
        self._engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": _LOCK_TIMEOUT_SECONDS})
        event.listen(self._engine, "connect", _use_write_ahead_log)
        _Table.metadata.create_all(self._engine)
        with Session(self._engine) as session:
            if not session.scalar(select(func.count()).select_from(_Product)):
                session.add_all(_Product(**asdict(product)) for product in PRODUCTS)
                session.commit()

    def close(self) -> None:
        """Give all connections back to the operating system."""
        self._engine.dispose()

    def products(self, category: str | None = None) -> Sequence[Product]:
        """What is on the shelf, by name."""
        query = select(_Product).order_by(_Product.name)
        if category is not None:
            query = query.where(_Product.category == category)
        with self._session("select_products") as session:
            return [_product(row) for row in session.scalars(query)]

    def product(self, product_id: str) -> Product | None:
        """One product, or None."""
        with self._session("select_product") as session:
            row = session.get(_Product, product_id)
            return _product(row) if row else None

    def put_product(self, product: Product) -> bool:
        """Write a product; True if it is new on the shelf."""
        with self._session("upsert_product") as session:
            is_new = session.get(_Product, product.id) is None
            session.merge(_Product(**asdict(product)))
            session.commit()
            return is_new

    def remove_product(self, product_id: str) -> bool:
        """Take a product off the shelf; False if it was not there."""
        with self._session("delete_product") as session:
            removed = session.scalars(delete(_Product).where(_Product.id == product_id).returning(_Product.id)).all()
            session.commit()
            return bool(removed)

    def insert_order(self, tenant_id: str, user_id: str, product: Product, quantity: int) -> int:
        """Place an order; returns its number."""
        order = _Order(
            tenant_id=tenant_id,
            user_id=user_id,
            product_id=product.id,
            quantity=quantity,
            total=round(product.price * quantity, 2),
            placed_at=dt.datetime.now(dt.UTC),
        )
        return self._insert("insert_order", order)

    def orders(self, tenant_id: str, user_id: str) -> Sequence[dict[str, Any]]:
        """The newest twenty orders of a user."""
        query = (
            select(_Order)
            .where(_Order.tenant_id == tenant_id, _Order.user_id == user_id)
            .order_by(_Order.id.desc())
            .limit(20)
        )
        with self._session("select_orders") as session:
            return [
                {"id": row.id, "product_id": row.product_id, "quantity": row.quantity, "total": row.total}
                for row in session.scalars(query)
            ]

    def insert_goal(self, tenant_id: str, user_id: str, goal_type: str, text: str) -> int:
        """Write a goal down; returns its number."""
        return self._insert("insert_goal", _Goal(tenant_id=tenant_id, user_id=user_id, goal_type=goal_type, text=text))

    def complete_goal(self, tenant_id: str, goal_id: int) -> bool:
        """Mark a goal as reached; False if there is no such goal, or it was reached before."""
        change = (
            update(_Goal)
            .where(_Goal.id == goal_id, _Goal.tenant_id == tenant_id, _Goal.completed.is_(False))
            .values(completed=True)
            .returning(_Goal.id)
        )
        with self._session("update_goal") as session:
            changed = session.scalars(change).all()
            session.commit()
            return bool(changed)

    def _insert(self, query_type: str, row: _Order | _Goal) -> int:
        with self._session(query_type) as session:
            session.add(row)
            session.commit()
            return row.id

    @contextmanager
    def _session(self, query_type: str) -> Iterator[Session]:
        started = time.perf_counter()
        try:
            with Session(self._engine, expire_on_commit=False) as session:
                yield session
        finally:
            signals.query_duration.record(time.perf_counter() - started, {"query_type": query_type})


def _product(row: _Product) -> Product:
    return Product(row.id, row.name, row.category, row.price, row.description)


def _use_write_ahead_log(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
