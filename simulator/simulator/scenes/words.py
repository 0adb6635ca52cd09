"""The words of the grammar: every synonym, and what it stands for.

Used by `parse.py` to read prompts and by `captions.py` to write them. Phrases are written with single spaces;
hyphens in a prompt are read as spaces, so "dolly-in" and "dolly in" are the same phrase.
"""

from typing import Literal

Kind = Literal["subject", "colour", "size", "place", "light", "camera", "motion", "direction", "effect"]

SUBJECT_WORDS: dict[str, str] = {
    "cup": "cup, mug, teacup, coffee cup, tea cup, coffee mug, coffee, espresso, tea, teapot",
    "ball": "ball, football, basketball, sphere, beach ball, marble ball",
    "car": "car, automobile, taxi, cab, vehicle, sedan, sports car, race car",
    "boat": "boat, sailboat, sail boat, sailing boat, ship, yacht, sailing ship",
    "tree": "tree, oak tree, apple tree",
    "house": "house, cottage, home, cabin, hut, farmhouse",
    "kite": "kite, paper kite",
    "fox": "fox, vixen, fox cub",
    "cat": "cat, kitten, kitty",
    "bird": "bird, sparrow, robin, songbird, seagull, gull",
    "fish": "fish, goldfish",
    "flower": "flower, rose, tulip, daisy, blossom, sunflower",
    "lamp": "lamp, desk lamp, table lamp, floor lamp, lampshade",
    "book": "book, notebook, novel, paperback, diary",
    "star": "star, starfish",
    "balloon": "balloon, hot air balloon, air balloon, party balloon",
    "rocket": "rocket, spaceship, spacecraft, space ship, rocket ship",
    "umbrella": "umbrella, parasol, beach umbrella",
}
COLOUR_WORDS: dict[str, str] = {
    "red": "red, scarlet, crimson, ruby, cherry, brick",
    "orange": "orange, amber, copper, ginger, terracotta",
    "yellow": "yellow, golden, gold, brass, lemon",
    "green": "green, emerald, lime, olive, mossy, jade",
    "cyan": "cyan, turquoise, teal, aqua",
    "blue": "blue, navy, azure, cobalt, sapphire",
    "purple": "purple, violet, lilac, lavender, indigo",
    "pink": "pink, magenta, rosy, salmon, fuchsia",
    "brown": "brown, wooden, wood, walnut, oak, chocolate, leather, mahogany, pine",
    "black": "black, ebony, charcoal, jet black",
    "white": "white, ceramic, porcelain, ivory, cream, off white, marble, china, pale",
    "grey": "grey, gray, silver, steel, metal, metallic, stone, concrete, chrome, iron",
}
SIZE_WORDS: dict[str, str] = {
    "small": "small, little, tiny, distant, far away, wide shot, long shot",
    "large": "large, big, huge, giant, close up, closeup, tall, enormous",
}
PLACE_WORDS: dict[str, str] = {
    "plain": "backdrop, plain background, plain backdrop, empty background",
    "desk": "desk, table, tabletop, table top, countertop, workbench, shelf",
    "beach": "beach, shore, seaside, coast, sand, sandy beach, seashore",
    "forest": "forest, woods, jungle, woodland",
    "street": "street, road, highway, avenue, lane",
    "field": "field, meadow, grass, lawn, pasture, garden, park, grassland, grassy hill, hill, hills",
    "room": "room, living room, bedroom, kitchen, office, indoors, interior, studio room",
    "sea": "sea, ocean, water, waves, lake, river, harbour, harbor",
    "sky": "sky, clouds, cloudy sky, air",
    "snow": "snow, snowy field, snowy, winter, ice, icy ground, snowy landscape",
    "city": "city, night city, skyline, downtown, town, skyscrapers, city skyline",
    "desert": "desert, dunes, sand dunes, dune, sand dune",
    "mountains": "mountains, mountain, peaks, alps, mountain range",
}
LIGHT_WORDS: dict[str, str] = {
    "day": "day, daylight, daytime, noon, midday, sunny, bright sun, sunlight, sunshine, afternoon",
    "morning": "morning, dawn, sunrise, early light, morning light",
    "sunset": "sunset, dusk, golden hour, evening, twilight",
    "night": "night, midnight, moonlight, moonlit, starry night, nighttime, night time, starlight, at night",
    "studio": "studio, studio light, studio lighting, spotlight, softbox",
}
CAMERA_WORDS: dict[str, str] = {
    "static": "static, locked off, tripod, fixed camera, static camera, static shot, still camera",
    "dolly_in": "dolly in, dolly, moves closer, closer, moves in, moving closer, comes closer, closes in, push in,"
    " pushes in, zoom in, zooms in, zooming in, zoom, dollying in, pushing in, "
    "dollies in",
    "dolly_out": "dolly out, dollies out, dollies back, moves back, moves away, moving away, pull back, pulls "
    "back, pull out, zoom out, zooms out, zooming out, pulling back, "
    "dolly back",
    "pan_left": "pan left, pans left, panning left, pan to the left, pans to the left, truck left, tracking left",
    "pan_right": "pan right, pans right, panning right, pan to the right, pans to the right, pan, pans, panning, "
    "truck right, tracking shot, tracking right",
    "tilt_up": "tilt up, tilts up, tilting up, tilt, crane up, pedestal up, crane shot",
    "tilt_down": "tilt down, tilts down, tilting down, crane down, pedestal down",
    "orbit": "orbit, orbits, orbiting, arc shot, circling camera, orbit shot, orbiting camera",
    "handheld": "handheld, hand held, shaky, handheld camera, hand held camera",
}
MOTION_WORDS: dict[str, str] = {
    "still": "still, standing, resting, motionless, parked, sitting, lying, stands, sits, rests",
    "left": "moving left, moves left, from right to left, drifting left, to the left, leftwards, drives left, "
    "driving left",
    "right": "moving, moves, moving right, moves right, from left to right, to the right, rightwards, driving, "
    "drives, sailing, "
    "sails, running, runs, walking, walks, flying, flies, swimming, swims, drifting, drifts, gliding, glides, "
    "rolling, rolls, racing, races, travelling, passing, passes",
    "bouncing": "bouncing, bounces, bounce, hopping, hops, jumping, jumps, jump",
    "rotating": "rotating, rotates, spinning, spins, spin, turning, turns, rotate, twirling",
    "rising": "rising, rises, lifting off, taking off, launching, ascending, going up, soaring, soars, rise, takes off",
    "falling": "falling, falls, descending, sinking, landing, fall, drops, dropping",
    "swaying": "swaying, sways, sway, rocking, waving, fluttering, swinging, bobbing, floating, floats, flutters, "
    "hovering",
}
EFFECT_WORDS: dict[str, str] = {"steam": "steam, steaming, steamy, vapour, vapor"}
DIRECTION_WORDS: dict[str, str] = {"left": "left", "right": "right"}

_STOP = """
a about above across after against all along among an and deep empty full high lit any are around as at back be
before behind below beneath beside between by down each end facing from front his her he hers he's i in inside
into is it its it's itself just middle near next no not of off on one onto or out outside over own past she
some that the their them then there they this through to together top toward towards two's under until up upon
very while with within without who whose which was were has have had other where when we our you your another
same so gets get goes go comes come gently slowly softly quickly quietly slightly seen shows showing show
alone only bottom corner side surface ground background foreground scene setting during
"""
STOP_WORDS = frozenset(_STOP.split())
FILM_PHRASES = ("depth of field", "field of view", "golden ratio")  # here "field" is no meadow and "golden" no colour
_FILM = """
cinematic cinema shot shots slow fast smooth gentle camera lens film filmic footage video clip movie style
stylized detailed detail details realistic photorealistic realism beautiful soft softly warm cool light
lighting lit depth close shallow focus bokeh dramatic wide macro medium frame framing frames high quality
ultra sharp crisp hd uhd fps resolution aspect ratio commercial advert advertisement product photography photo
photograph image picture professional highly rendering render animation animated cartoon illustration simple
drawn drawing flat colour color colours colors colourful colorful vivid vibrant bright dark natural ambient
glow glowing atmospheric mood moody calm peaceful quiet elegant motion movement moves subtle steady stable
continuous take seconds second minute loop loopable seamless view angle level eye low top-down aerial drone
perspective composition centred centered symmetrical minimal minimalist clean texture textured graded grading
grade contrast exposure saturated premium masterpiece best award winning kind usual anamorphic grain mm look
looks makes make opens open closes ends begins starts subject subjects text watermark watermarks logo logos
caption captions pace unhurried throughout stays stay remains remain shape shapes proportions material label
whole itself documentary phone lively clear palette outlines outline line weight character design stylised
oversaturated real time once action plays cut cuts keeps keep slight everyday fine finely finished feature
features featuring held hold holds gradually steadily calmly softness sharpness
"""
FILM_WORDS = frozenset(_FILM.split())
