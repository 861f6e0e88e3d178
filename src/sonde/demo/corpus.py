# ruff: noqa: E501  (tables of prose: one passage a line)
"""What the shop's assistant knows: short passages about its products, its policies, training, and Sonde itself.

``PASSAGES`` is embedded once by the backend at start. ``QUESTIONS`` are what traffic asks, each with the passage that
answers it: the tests measure retrieval by this table, and the demo's users judge answers by it.
"""

from __future__ import annotations

from dataclasses import dataclass

from sonde.demo.catalog import PRODUCTS


@dataclass(frozen=True, slots=True)
class Passage:
    """One piece of knowledge, small enough to be put into a prompt whole."""

    id: str
    topic: str
    title: str
    text: str

    @property
    def searchable(self) -> str:
        """What is embedded: the title says in few words what the text is about."""
        return f"{self.title}. {self.text}"


@dataclass(frozen=True, slots=True)
class Question:
    """What a user asks, and the id of the passage that answers it."""

    text: str
    passage_id: str


_POLICIES = {
    "delivery-time": ("Delivery times", "Orders placed before 14:00 on a working day leave the warehouse the same day. Delivery takes two to three working days within the country and four to seven within the European Union."),
    "delivery-cost": ("Shipping costs", "Shipping costs 4.90 euros and is free from 60 euros. Bicycles and other bulky goods cost 39 euros and come with a carrier who calls first."),
    "delivery-express": ("Express delivery", "Express delivery arrives the next working day before noon for 12.90 euros, if the order is placed before 13:00. It is not offered for bulky goods and gas cartridges."),
    "delivery-tracking": ("Track a parcel", "The tracking number is sent by mail when the parcel leaves the warehouse, and stands in your account under Orders. It may take some hours until the carrier shows the first scan."),
    "delivery-lost": ("Lost or damaged parcels", "If a parcel is lost or arrives damaged, write to us within seven days with a photo of the box. We send a replacement at once and settle the matter with the carrier ourselves."),
    "delivery-abroad": ("Countries we ship to", "We ship to all countries of the European Union, to Norway and to Switzerland. For Switzerland and Norway, customs duties are paid by the recipient."),
    "returns-window": ("Returns", "You may return unused articles within 30 days of delivery and get the full price back. Print the label in your account; the return is free within the country."),
    "returns-refund": ("Refunds", "The refund is paid to the original payment method within five working days after the return has arrived in the warehouse. Gift cards are refunded as store credit."),
    "returns-exchange": ("Exchange for another size", "To exchange shoes or clothes for another size, order the new size and return the old one: this is quicker than an exchange, and the new parcel ships free."),
    "returns-excluded": ("What cannot be returned", "Opened food, gas cartridges, used sleeping bags and articles that were made to order cannot be returned, for reasons of hygiene or safety."),
    "warranty": ("Warranty", "All articles have the legal warranty of two years. Frames of bicycles have a warranty of ten years for the first owner; wear parts such as tyres, chains and brake pads are excluded."),
    "repair": ("Repair service", "Our workshop repairs tents, jackets and backpacks, also out of warranty: broken zips, seams and poles. You get a quote before the work begins; most repairs take two weeks."),
    "payment-methods": ("Payment methods", "You can pay by credit card, bank transfer, PayPal or on account with Klarna. Bank transfers are to be made within seven days, after that the order is cancelled."),
    "payment-instalments": ("Pay in instalments", "Orders above 200 euros can be paid in three, six or twelve monthly instalments. Three instalments are free of interest; longer terms cost 7.9 percent a year."),
    "gift-card": ("Gift cards", "Gift cards are sold from 10 to 500 euros, are valid for three years and can be used in several parts. They are sent as a PDF within minutes."),
    "discount-student": ("Student discount", "Students and apprentices get ten percent off everything but bicycles after they have confirmed their status once a year in their account."),
    "discount-newsletter": ("Newsletter voucher", "Whoever subscribes to the newsletter gets a voucher of 5 euros for the next order above 50 euros. It cannot be combined with other discounts."),
    "price-match": ("Price guarantee", "If another authorised dealer in the country sells the same article cheaper within 14 days after your purchase, we refund the difference."),
    "size-shoes": ("How to choose a shoe size", "Measure your foot in the evening while standing, and add one centimetre for running shoes and one and a half for hiking boots. Our size table shows the length of the inside."),
    "size-bike": ("How to choose a frame size", "For the frame size multiply the inside leg length in centimetres by 0.66 for gravel and road bikes. Between two sizes, sporty riders take the smaller one."),
    "care-down": ("Wash down", "Wash down jackets and down sleeping bags at 30 degrees with special detergent, and tumble dry them at low heat with two tennis balls until no lumps are left. This takes three hours."),
    "care-waterproof": ("Restore waterproofing", "When water no longer beads on a rain jacket, wash it, spray it with a fluorine-free proofing agent and activate it with 20 minutes of low heat in the dryer."),
    "care-boots": ("Care for leather boots", "Brush leather boots clean after each tour, dry them away from the radiator, and rub in wax when the leather looks pale. Wet boots dry best stuffed with newspaper."),
    "recycling": ("Take back old gear", "We take back old tents, ropes, shoes and textiles in every store and recycle or donate them. You get five percent off your next purchase in exchange."),
    "store-hours": ("Opening hours of the stores", "The stores in Hamburg, Leipzig and Graz are open from Monday to Saturday from 10:00 to 19:00. On public holidays they are closed."),
    "store-pickup": ("Click and collect", "Reserve an article online and pick it up in a store after two hours. We hold it for three days; you pay at the counter."),
    "account-delete": ("Delete an account", "You can delete your account in the settings under Privacy. We erase personal data within 30 days; invoices are kept for ten years as the law demands."),
    "account-password": ("Forgotten password", "Choose Forgotten password on the login page: a link that is valid for one hour comes by mail. After five wrong attempts a login is blocked for 15 minutes."),
    "loyalty": ("Bonus points", "Each euro spent brings one bonus point, and 100 points are worth 3 euros. Points expire after 24 months without a purchase."),
    "rental": ("Rent equipment", "Tents, trekking backpacks and cargo bikes can be rented by the day in our stores. The rent of the first two days is deducted when you buy afterwards."),
    "customer-service": ("Contact customer service", "Customer service answers by chat and phone on working days from 8:00 to 20:00 and by mail within one day. Have your order number at hand."),
    "invoice-company": ("Invoices for companies", "Companies with a valid VAT number buy net within the European Union and may pay within 30 days. Add the number in your account before ordering."),
}  # fmt: skip

_TRAINING = {
    "coach-beginner": ("Start running", "Beginners run three times a week for 25 minutes, one minute of jogging and one of walking in turn. After eight weeks most can jog five kilometres without a break."),
    "coach-10k": ("Plan for ten kilometres", "For ten kilometres under 50 minutes train four times a week: one interval session of six times 800 metres, one tempo run of 20 minutes, one long run and one easy run."),
    "coach-marathon": ("Prepare a marathon", "A marathon plan takes 16 weeks. The long run grows to 32 kilometres, every fourth week is lighter, and the last three weeks taper the volume down to a half."),
    "coach-zones": ("Heart rate zones", "Train four of five sessions in zone two, at 60 to 70 percent of the maximum heart rate, where you can still talk in whole sentences. Zone four belongs to intervals."),
    "coach-recovery": ("Recovery and sleep", "Muscles grow in the breaks. Sleep at least seven hours, take one day a week off, and skip the next hard session if the resting pulse is five beats higher than usual."),
    "coach-injury": ("Knee pain", "With knee pain pause running for some days, cycle gently instead, and strengthen hips and thighs. If it has not gone after two weeks, see a doctor."),
    "coach-nutrition": ("Eat before and during exercise", "Eat the last large meal three hours before the start. During efforts of more than 90 minutes take 30 to 60 grams of carbohydrates and half a litre of water an hour."),
    "coach-strength": ("Strength for runners", "Two sessions of strength a week of 30 minutes are enough: squats, lunges, planks and calf raises. Strong runners get injured less often."),
    "coach-goal-smart": ("Write a SMART goal", "A good goal is specific, measurable, attainable, relevant and bound in time: I will run ten kilometres in less than 55 minutes on the first of June. Get fitter is only a wish."),
    "coach-motivation": ("Stay motivated", "Tie the training to a fixed time of day, meet with others, and write down each session. Who has missed one session only has to go to the next one: never miss twice."),
    "coach-altitude": ("Hiking at altitude", "Above 2,500 metres sleep at most 500 metres higher each night. Headache and nausea are signs of altitude sickness: rest, drink, and descend if they get worse."),
    "coach-packing": ("Pack a backpack", "Heavy things belong close to the back at shoulder height, the sleeping bag at the bottom, and what is needed often at the top. A packed backpack should not exceed a fifth of your weight."),
    "coach-navigation": ("Plan a hike", "Reckon with one hour for four kilometres or 400 metres of ascent, add the smaller of the two by half, and start so that you are down two hours before sunset."),
    "coach-winter": ("Run in winter", "In winter dress as if it were ten degrees warmer, in thin layers, with gloves and hat. Breathe through a scarf below minus ten, and shorten the strides on ice."),
    "coach-cycling": ("Cycle to work", "Start with two days a week by bicycle, choose quiet streets even if they are longer, keep dry clothes in the office, and mount lights and mudguards before autumn."),
    "coach-weather": ("Thunderstorms in the mountains", "When thunder follows lightning within ten seconds, leave ridges and summits at once, keep away from single trees, put metal aside and crouch on the backpack."),
}  # fmt: skip

_SONDE = {
    "sonde-what": ("What Sonde is", "Sonde is an observability stack in one pip install and one process: metrics, logs, traces, LLM calls, user feedback and a web UI, stored in an embedded ClickHouse."),
    "sonde-configure": ("Instrument a Python service with Sonde", 'Two lines instrument a service: sonde.configure(service="shop") sets up traces, metrics and logs, and sonde.instrument(app) adds spans for FastAPI, httpx, SQLAlchemy and openai.'),
    "sonde-run": ("Instrument without changing code", "To instrument a program without touching its code, start it with sonde run -- python app.py. The libraries that are installed are found and instrumented."),
    "sonde-ports": ("Ports of Sonde", "The web UI and the API of Sonde listen on port 3000. OpenTelemetry data arrives on port 4317 by gRPC and on port 4318 by HTTP."),
    "sonde-llm-cost": ("LLM cost in Sonde", "Sonde computes the cost of each LLM call from its tokens and the list price on the day of the call. Cached and reasoning tokens are counted once. Unknown models are shown as unpriced."),
    "sonde-feedback": ("User feedback in Sonde", "Send a thumb with sonde.feedback(trace_id, rating, user_id, comment). The score is shown at the trace that produced the answer, beside its LLM call."),
    "sonde-logs": ("Logs and trace ids in Sonde", "Each log record carries the trace id and span id of the request that wrote it, so the page of a trace shows its logs, and a log line leads to its trace."),
    "sonde-retention": ("How long Sonde keeps data", "Sonde keeps logs for 30 days, traces and LLM calls for 90 days, metrics for 400 days and feedback for ever. Each retention is one key in the configuration; 0 means for ever."),
    "sonde-durability": ("What survives a crash of Sonde", "Sonde acknowledges telemetry after it has been written to a segment file. After a crash the remaining segments are inserted again, and nothing is stored twice."),
    "sonde-down": ("When the Sonde server is down", "A service with Sonde's SDK keeps working when the server is down: queues are bounded, data is dropped, and one log line says so. No request waits for telemetry."),
    "sonde-sql": ("SQL on telemetry", "All telemetry can be queried by SQL with sonde query sql: the tables are called spans, logs, samples and llm_calls, and there are views such as llm_logs and api_request_logs."),
    "sonde-tenants": ("Tenants in Sonde", "The header X-Scope-OrgID names the tenant on every endpoint of Sonde. Without keys on the loopback interface everything belongs to the tenant default."),
    "sonde-demo": ("The demo of Sonde", "The demo runs a shop with a recommender, a scraper and a local language model endpoint beside the server. Scripted incidents are written to a ground truth file."),
    "sonde-rag": ("Traces of retrieval in Sonde", "A retrieval augmented answer is one trace: the embedding of the question, the vector search with the ids and scores of the candidates, the chat completion and its tokens."),
}  # fmt: skip


def _passages() -> tuple[Passage, ...]:
    products = [Passage(product.id, "product", product.name, product.description) for product in PRODUCTS]
    written = [
        Passage(passage_id, topic, title, text)
        for topic, table in (("policy", _POLICIES), ("training", _TRAINING), ("sonde", _SONDE))
        for passage_id, (title, text) in table.items()
    ]
    return (*products, *written)


PASSAGES = _passages()

QUESTIONS = (
    Question("How long does delivery take?", "delivery-time"),
    Question("When is shipping free?", "delivery-cost"),
    Question("Can I get my order by tomorrow with express delivery?", "delivery-express"),
    Question("Where do I find the tracking number of my parcel?", "delivery-tracking"),
    Question("My parcel arrived damaged, what now?", "delivery-lost"),
    Question("Do you ship to Switzerland?", "delivery-abroad"),
    Question("Within how many days can I return an unused article?", "returns-window"),
    Question("When is my refund paid?", "returns-refund"),
    Question("My shoes are too small, how do I exchange them for another size?", "returns-exchange"),
    Question("Can I return an opened gas cartridge?", "returns-excluded"),
    Question("How many years of warranty does a bicycle frame have?", "warranty"),
    Question("Can you repair the broken zip of my jacket?", "repair"),
    Question("Can I pay with PayPal?", "payment-methods"),
    Question("Is it possible to pay in monthly instalments?", "payment-instalments"),
    Question("How long is a gift card valid?", "gift-card"),
    Question("Is there a discount for students?", "discount-student"),
    Question("I saw it cheaper at another dealer, do you refund the difference?", "price-match"),
    Question("Which size of running shoes do I need?", "size-shoes"),
    Question("How do I wash a down jacket?", "care-down"),
    Question("My rain jacket is no longer waterproof, how do I restore it?", "care-waterproof"),
    Question("When are the stores open?", "store-hours"),
    Question("How do I delete my account?", "account-delete"),
    Question("I have forgotten my password", "account-password"),
    Question("What are bonus points worth?", "loyalty"),
    Question("Can I rent a cargo bike for a day?", "rental"),
    Question("Which trail running shoe is good in mud?", "shoe-kestrel"),
    Question("I look for a light tent for two people", "tent-lumen2"),
    Question("Which tent is good for a family of four with standing height?", "tent-harbour4"),
    Question("How long does the battery of the GPS watch last?", "watch-tempo"),
    Question("Which sleeping bag keeps me warm below zero?", "bag-polar"),
    Question("How many lumens does the headlamp have?", "lamp-halo"),
    Question("Is the gravel bike delivered with disc brakes?", "bike-meridian"),
    Question("What is the range of the electric cargo bike per charge?", "bike-tandemio"),
    Question("Which stove boils a litre of water quickly?", "stove-pebble"),
    Question("Does the water filter survive frost, may it freeze?", "filter-spring"),
    Question("Do the energy bars contain nuts?", "bar-oat"),
    Question("How do I start running as a beginner?", "coach-beginner"),
    Question("How do I run ten kilometres under 50 minutes?", "coach-10k"),
    Question("How many weeks does a marathon plan take?", "coach-marathon"),
    Question("In which heart rate zone should I train?", "coach-zones"),
    Question("What can I do against knee pain from running?", "coach-injury"),
    Question("What should I eat before a long run?", "coach-nutrition"),
    Question("How do I pack a heavy backpack?", "coach-packing"),
    Question("What are signs of altitude sickness?", "coach-altitude"),
    Question("How do I stay motivated to train?", "coach-motivation"),
    Question("How do I instrument a FastAPI service with Sonde?", "sonde-configure"),
    Question("Which ports does Sonde listen on?", "sonde-ports"),
    Question("How does Sonde compute the cost of an LLM call?", "sonde-llm-cost"),
    Question("How long does Sonde keep traces?", "sonde-retention"),
    Question("What happens to my service when the Sonde server is down?", "sonde-down"),
)
