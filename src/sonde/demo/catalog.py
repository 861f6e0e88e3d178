"""The demo shop as tables: its products, the tenants that rent it, and their users.

Everything else in the demo reads these rows: the backend seeds its database from them, ml-engine trains on their
users, the corpus describes the products, and traffic plays the users.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Product:
    """One thing on the shelf. ``price`` is in euros."""

    id: str
    name: str
    category: str
    price: float
    description: str


@dataclass(frozen=True, slots=True)
class Tenant:
    """A company that runs its own shop front and coaching on this backend, and pays ``monthly_fee`` euros for it."""

    id: str
    api_key: str
    monthly_fee: float
    user_count: int


PRODUCTS = (
    Product("shoe-kestrel", "Kestrel 2 trail running shoe", "running", 129.0,
            "A light trail running shoe with 5 mm lugs for mud and wet grass, a rock plate under the forefoot and a "
            "drop of 6 mm. It weighs 265 g in size 42 and suits runs of up to 30 km."),
    Product("shoe-alba", "Alba road running shoe", "running", 109.0,
            "A cushioned road running shoe for daily training on asphalt. Neutral support, 8 mm drop, reflective heel. "
            "The foam keeps its bounce for about 700 km."),
    Product("shoe-summit", "Summit GTX hiking boot", "hiking", 189.0,
            "A waterproof leather hiking boot with ankle support and a stiff sole for heavy packs and rocky paths. "
            "Resoleable; break it in over three short walks before a long tour."),
    Product("sock-merino", "Merino hiking socks", "hiking", 18.5,
            "Merino wool socks that stay warm when wet and do not smell after days. Padded heel and toe, flat seams "
            "against blisters. Sold as a pack of two."),
    Product("jacket-squall", "Squall rain jacket", "clothing", 159.0,
            "A three-layer waterproof rain jacket with a 20,000 mm water column, pit zips and a hood that fits over a "
            "helmet. Packs into its own pocket and weighs 340 g."),
    Product("jacket-ember", "Ember down jacket", "clothing", 199.0,
            "A warm down jacket of 800 fill power for cold evenings and winter camps, comfortable down to minus ten "
            "degrees. The down is certified as responsibly sourced."),
    Product("shirt-breeze", "Breeze running shirt", "clothing", 39.0,
            "A breathable short-sleeved running shirt of recycled polyester that dries within the hour and blocks "
            "ultraviolet light up to factor 30."),
    Product("tights-glide", "Glide winter tights", "clothing", 69.0,
            "Brushed winter running tights with a phone pocket on the thigh and reflective calves; made for "
            "temperatures from minus five to plus eight degrees."),
    Product("pack-drift22", "Drift 22 daypack", "hiking", 89.0,
            "A daypack of 22 litres with a ventilated back panel, a rain cover and a sleeve for a three litre "
            "hydration bladder. Fits as hand luggage."),
    Product("pack-odyssey55", "Odyssey 55 trekking backpack", "hiking", 219.0,
            "A trekking backpack of 55 litres that carries up to 18 kg: adjustable back length, hip belt with "
            "pockets, separate sleeping bag compartment."),
    Product("vest-dash", "Dash hydration vest", "running", 99.0,
            "A running vest of 8 litres with two soft flasks of 500 ml, a whistle and loops for poles. It sits close "
            "and does not bounce at speed."),
    Product("pole-carbon", "Carbon folding poles", "hiking", 119.0,
            "A pair of carbon trekking poles that fold to 36 cm and weigh 240 g each. Cork grips and interchangeable "
            "tips for rock, mud and snow."),
    Product("tent-lumen2", "Lumen 2 tent", "camping", 349.0,
            "A freestanding tent for two people that weighs 1.6 kg, with two doors and two vestibules. It pitches in "
            "four minutes and stands in winds of up to 80 km/h."),
    Product("tent-harbour4", "Harbour 4 family tent", "camping", 429.0,
            "A family tent for four people with standing height, a dark sleeping cabin and a porch for bicycles. "
            "Eleven kilograms: made for the car, not for the back."),
    Product("bag-polar", "Polar down sleeping bag", "camping", 279.0,
            "A down sleeping bag with a comfort temperature of minus six degrees, a draft collar and a two-way zip. "
            "It compresses to the size of a bread loaf."),
    Product("bag-summer", "Summer light sleeping bag", "camping", 89.0,
            "A synthetic sleeping bag for warm nights above ten degrees. Washable at 40 degrees, weighs 720 g, opens "
            "into a blanket."),
    Product("mat-cirrus", "Cirrus sleeping mat", "camping", 129.0,
            "An inflatable sleeping mat of 8 cm with an R-value of 4.2, so it insulates on frozen ground. The pump "
            "sack is included; repair patches lie in the bag."),
    Product("stove-pebble", "Pebble gas stove", "camping", 49.0,
            "A tiny gas stove of 83 g that screws onto any threaded cartridge and boils a litre of water in three "
            "and a half minutes. Piezo ignition."),
    Product("pot-titan", "Titan titanium pot", "camping", 59.0,
            "A titanium cooking pot of 900 ml with folding handles and a lid that strains pasta. The Pebble stove "
            "and a small cartridge fit inside."),
    Product("lamp-halo", "Halo headlamp", "camping", 64.0,
            "A rechargeable headlamp with 450 lumens, a red night mode and a lock against accidental switching. "
            "USB-C charging; lasts 60 hours on low."),
    Product("filter-spring", "Spring water filter", "camping", 45.0,
            "A squeeze water filter that removes bacteria and protozoa from streams at two litres a minute. Do not "
            "let it freeze: ice damages the hollow fibres."),
    Product("bike-meridian", "Meridian gravel bike", "cycling", 1890.0,
            "A gravel bike with an aluminium frame, carbon fork, 1x12 gears, hydraulic disc brakes and clearance for "
            "tyres of 45 mm. Mounts for mudguards and three bottles."),
    Product("bike-tandemio", "Cargo Tandemio electric bike", "cycling", 4290.0,
            "An electric cargo bike with a 630 Wh battery, a payload of 200 kg and seats for two children. The motor "
            "assists up to 25 km/h and about 70 km per charge."),
    Product("helmet-orbit", "Orbit bicycle helmet", "cycling", 79.0,
            "A ventilated bicycle helmet with rotational impact protection and a rear light. Replace it after any "
            "crash, even if no crack can be seen."),
    Product("lock-anchor", "Anchor folding lock", "cycling", 89.0,
            "A folding bicycle lock of hardened steel, security level 13 of 15, with a frame bracket and three keys. "
            "The key number lets you order spares."),
    Product("light-beam", "Beam bicycle light set", "cycling", 59.0,
            "A bicycle light set with 70 lux in front and a brake light behind, approved for road traffic, charged "
            "by USB-C, four hours at full power."),
    Product("bag-pannier", "Pannier bags", "cycling", 119.0,
            "A pair of waterproof pannier bags of 20 litres each with roll closure and quick-release hooks that fit "
            "racks of 8 to 16 mm."),
    Product("pump-breath", "Breath mini pump", "cycling", 34.0,
            "A bicycle mini pump with a gauge up to 8 bar, for Presta and Schrader valves, with a hose that protects "
            "the valve stem."),
    Product("watch-tempo", "Tempo GPS watch", "electronics", 249.0,
            "A GPS sports watch with wrist heart rate, breadcrumb maps and training load. The battery lasts 24 hours "
            "with GPS and twelve days as a watch."),
    Product("belt-pulse", "Pulse heart rate strap", "electronics", 59.0,
            "A chest strap that measures heart rate more exactly than the wrist, over Bluetooth and ANT+. The coin "
            "cell lasts a year of daily training."),
    Product("bottle-cascade", "Cascade insulated bottle", "accessories", 29.0,
            "A stainless steel bottle of 750 ml that keeps tea hot for twelve hours and water cold for twenty-four. "
            "Dishwasher safe without the lid."),
    Product("bar-oat", "Oat energy bars", "accessories", 21.0,
            "A box of twelve energy bars of oats, dates and hazelnuts with 210 kcal each. Vegan; may contain traces "
            "of peanuts and other nuts."),
)  # fmt: skip

CATEGORIES = tuple(sorted({product.category for product in PRODUCTS}))

TENANTS = (
    Tenant("acme-outdoors", "demo-acme-outdoors", 290.0, 90),
    Tenant("nordwind", "demo-nordwind", 120.0, 40),
    Tenant("sunrise-coaching", "demo-sunrise", 60.0, 20),
)


def user_ids(tenant: Tenant) -> tuple[str, ...]:
    """The users of ``tenant``: ``nordwind-u007`` is the seventh of nordwind."""
    return tuple(f"{tenant.id}-u{number:03d}" for number in range(1, tenant.user_count + 1))


USER_IDS = tuple(user for tenant in TENANTS for user in user_ids(tenant))
