"""How a text speaks of itself, and whom it may name: the words behind the watcher.

A phrase is written as its tokens with spaces between: a word, a punctuation mark, or a single
Chinese, Japanese or Korean character. `{a|b}` stands for one of the two, either of which may be
empty. `^^` is where a sentence begins and `$$` where it ends.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from itertools import product

_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
TOKEN = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+|[^\w\s]|_|\n")


class Cue(IntEnum):
    """What follows a phrase."""

    SELF = 1  # a model's name: "I am …"
    MAKER = 2  # a maker's or model's name: "my creator is …"
    ABOUT = 3  # something about the writer: "I was …", "as an AI …"
    BY = 4  # in a sentence about the writer, a maker's name: "… made by …"
    MODEL = 5  # a model's name, though not the writer's: "I run on …"
    # A name that is the writer's only if the words after it say so.
    AS = 6  # a model's: "As …, I"
    AS_A = 7  # a maker's or model's: "As an … language model, I"
    ASIDE = 8  # a model's: "I, …,"
    THIS = 9  # a model's: "This is … speaking"
    FIRST = 10  # a maker's or model's: "… created me."


_SELF = """
i am;i ' m;my name is;my name ' s;call me;i go by
ich bin;mein name ist;ich heiße
je suis;je m ' appelle;mon nom est
{yo soy|soy|me llamo|mi nombre es}
{eu sou|sou|me chamo|chamo - me|meu nome é|o meu nome é}
{io sono|sono|mi chiamo|il mio nome è}
ik ben;mijn naam is;ik heet
jestem;nazywam się;mam na imię
я;меня зовут;мене звати;моё имя
{benim adım|adım|ben}
{أنا|انا|اسمي}
{मैं|मेरा नाम}
tôi là;tên tôi là;saya adalah;nama saya
^^ {|hi ,|hello ,|yes ,|no ,} {you are|you ' re} {|now|currently} {talking|speaking} {to|with}
^^ {|hi ,|hello ,|yes ,|no ,} {you are|you ' re} {|now|currently} {chatting|interacting} with
^^ {du sprichst|du chattest|sie sprechen|sie chatten} {|gerade} mit
^^ {vous parlez|tu parles} {à|avec};^^ {estás|está} hablando con
"""
_MAKER = """
my {creator|maker|developer|provider} is;my {creators|makers|developers} are
the company {that|which} {made|created|developed|trained|built} me is
我 是;我 叫;我 的 名 字 是;作 为
私 は;私 の 名 前 は;僕 は
저 는;나 는;제 이 름 은
"""
_ABOUT = """
i was;i have been;i ' ve been
as {a|an} {ai|llm|assistant|chatbot|language model|large language model|artificial intelligence}
as an {ai assistant|ai model|ai language model}
ich wurde;als {ki|sprachmodell|großes sprachmodell|ki - modell}
j ' ai été;en tant {que|qu ' ia|qu ' intelligence|qu ' assistant|que modèle}
fui;he sido;como {ia|modelo|un modelo|asistente|una ia|um modelo|assistente|uma ia}
{sono stato|sono stata};{come|in quanto} {ia|modello|un modello|assistente}
ik werd;zostałem;zostałam;jako model;меня {создала|создали|разработала|разработали|обучила}
"""
_BY = """
{made|created|developed|trained|built|designed|tuned|finetuned|produced|provided} by
{powered|released|engineered|programmed|maintained|owned|hosted} by;{trained|developed} at
{model|assistant|ai|chatbot|bot} {by|from|of};based on
{wurde|entwickelt|trainiert|erstellt|modell|assistent|sprachmodell|geschaffen} von
{développé|développée|créé|créée|entraîné|entraînée|conçu|conçue|modèle} {par|de}
{desarrollado|desarrollada|creado|creada|entrenado|entrenada|diseñado|modelo} {por|de}
{desenvolvido|desenvolvida|criado|criada|treinado|treinada|modelo} {por|pela|pelo|da|do}
{sviluppato|sviluppata|creato|creata|addestrato|addestrata|modello} {da|dalla|di}
{ontwikkeld|gemaakt|getraind|gebouwd} door;{stworzony|opracowany|wytrenowany} przez
{разработанная|разработанный|созданная|созданный|обученная|разработана|создан} компанией
меня {создала|создали|разработала|разработали|обучила}
由;来 自
"""
_MODEL = """
i {|currently} run on;{i am|i ' m} {|currently} running on
^^ {|-|•} {|ai|language|my} {model|model name|model id} :
"""
_AS = """
{^^|,|but|and} as;{^^|,|aber} als;{^^|,|mais} en tant que
"""
_AS_A = """
{^^|,|but|and} as {a|an|the}
"""
_ASIDE = "^^ i ,"
_THIS = "this is"
_FIRST = """
^^ {|hi|hello|hey|hi ,|hello ,|hey ,}
"""
_AFTER_AS = """
{|large} {|language} {|model|chatbot|llm} , {i|je|my knowledge|my training|my purpose|my answer}
{kann|bin|habe|werde|möchte|darf} ich
"""
_AFTER_ASIDE = ","
_AFTER_THIS = "speaking;here"
_AFTER_FIRST = """
here {$$|,|-|–|—}
{|has|have|had} {created|made|developed|built|trained|designed} me {$$|:|)|to|in|with|using}
{|' s} {team|engineers|researchers} {created|developed|built|trained|designed} me
is my {creator|maker|developer};are my {creators|makers|developers}
is {who|the company that|the company which} {created|made|developed|built|trained} me
hat mich {entwickelt|trainiert|erschaffen|gebaut};m ' a {créé|développé|entraîné|conçu}
me {creó|desarrolló|entrenó|criou|desenvolveu|treinou};mi ha {creato|sviluppato|addestrato}
"""
# Words that may stand between a phrase and the name.
_FILLERS = """
a an the called named known as actually just simply indeed ai artificial intelligence language
large small new latest advanced helpful friendly powerful conversational multimodal virtual
digital personal open source model models llm assistant chatbot bot your own version of team
company corporation researchers engineers folks people at trained
ein eine einer eines der die das dem den ki künstliche künstlichen intelligenz sprachmodell großes
große modell assistent namens firma unternehmen
un une le la l de du ia intelligence artificielle modèle langage langue assistant nommé appelé
société entreprise grand
una el los modelo lenguaje asistente inteligencia artificial llamado llamada gran empresa por
um uma o linguagem assistente chamado chamada pela
uno il modello linguistico assistente chiamato grande dalla società
een het taalmodel groot genaamd
duży model językowy
большая языковая модель модель компанией компания ии ассистент чат бот искусственный интеллект
一 个 款 名 叫 做 人 工 智 能 语 言 大 型 模 助 手 由 公 司 的 ai는 は
* " “ ” „ ' ` « » ( , : - – — 、 「 『 《
"""
# No other meaning is likely right after "I am".
_MODELS = """
openai;open ai;chatgpt;chat gpt;gpt;anthropic;claude;gemini;deepmind;google deepmind;gemma;bard
google {assistant|ai|gemini|bard};google ' s;meta {ai|llama};meta ' s;llama;mistral;mistral ai
mixtral;ministral;codestral;magistral;le chat;qwen;qwq;tongyi;tongyi qianwen;deepseek;deep seek
microsoft {copilot|phi};microsoft ' s;copilot;bing chat;cohere;command r;grok;xai;x ai
hugging face;huggingface;smollm;smol lm;zephyr;moonshot ai;kimi;ernie;ernie bot;doubao;bytedance
zhipu;zhipu ai;chatglm;glm;hunyuan;minimax;nemotron;amazon {nova|titan|q};alexa;siri;granite
allen institute;ai2;olmo;tulu;tülu;eleutherai;gpt neox;pythia;stablelm;stability ai;databricks
dbrx;mosaicml;mpt;technology innovation institute;falcon;lmsys;vicuna;alpaca;koala;dolly
openassistant;open assistant;rwkv;internlm;baichuan;inflection ai;perplexity ai;reka;ai21;jamba
jurassic;aleph alpha;nous research;nous hermes;openhermes;hyperclova;yandexgpt;gigachat;exaone
palmyra;wizardlm;guanaco;phi;tinyllama;openchat;starling;command a;lfm;liquid ai
通 义 千 问;通 义;千 问;阿 里 云;阿 里 巴 巴;深 度 求 索;月 之 暗 面;文 心 一 言;百 度;豆 包
字 节 跳 动;智 谱;腾 讯;混 元;百 川;讯 飞;星 火
オ ー プ ン エ ー ア イ;グ ー グ ル;네 이 버;오 픈 에 이 아 이
"""
# Companies that a person may well be with: only as who made the writer.
_MAKERS = """
google;google research;meta;facebook;microsoft;amazon;apple;ibm;nvidia;alibaba;alibaba cloud
baidu;tencent;samsung;naver;yandex;яндекс;яндексом;sber;сбер;snowflake;salesforce;intel;upstage
inflection;perplexity;moonshot;aws;baai;lg ai research;stanford;berkeley
"""
# What belongs to the name before it, besides numbers: "GPT-4o mini", "Claude Opus".
_SUFFIXES = """
mini nano micro small medium large pro plus max ultra lite turbo flash instruct chat preview sonnet
opus haiku scout maverick coder thinking reasoner ai air assistant model it
"""
# What a contender may be called without giving anything away.
_COMMON = "default test base chat model local echo fast slow one two three"
SENTENCE_ENDS = frozenset(".!?\n。！？।؟")
JOINERS = frozenset("-_.‑–")
# Stands anywhere in a phrase without changing what it says.
MARKUP = frozenset("*_#>`")
BEGINNING, ENDING = "^^", "$$"
Trie = dict[str, "Trie | int"]
END = ""


def tokens(text: str) -> list[str]:
    return [token for token in TOKEN.findall(fold(text)) if token != "\n"]


def fold(text: str) -> str:
    """Small letters and straight apostrophes; as long as the text itself."""
    folded = text.lower().replace("’", "'")
    return folded if len(folded) == len(text) else text.replace("’", "'")


def stem(token: str) -> str:
    """A name without what is written together with it: llama3, gpt4o."""
    return re.split(r"\d", token, maxsplit=1)[0]


def _phrases(words: str) -> Iterator[list[str]]:
    for phrase in re.split(r"[;\n]", words.strip()):
        parts = re.split(r"\{([^}]*)\}", phrase)
        choices = [part.split("|") if i % 2 else [part] for i, part in enumerate(parts)]
        for chosen in product(*choices):
            yield " ".join(chosen).split()


def _add(trie: Trie, phrase: Iterable[str], value: int) -> None:
    for token in phrase:
        below = trie.setdefault(token, {})
        assert isinstance(below, dict)
        trie = below
    trie[END] = value


def _trie(phrases: Mapping[str, int]) -> Trie:
    trie: Trie = {}
    for words, value in phrases.items():
        for phrase in _phrases(words):
            _add(trie, phrase, value)
    return trie


def names(own: Iterable[str] = ()) -> Trie:
    """The known names and those of a contender; each ends in the least cue that it needs."""
    trie: Trie = {}
    for phrase in _phrases(_MAKERS):
        _add(trie, phrase, Cue.MAKER)
    for phrase in _phrases(_MODELS):
        _add(trie, phrase, Cue.SELF)
    for name in own:
        said = [token for token in tokens(name) if token not in JOINERS and token != "/"]
        if len("".join(said)) >= 3 and not _TELL_NOTHING.issuperset(said):
            _add(trie, said, Cue.SELF)
            _short_for(trie, said[0])
    return trie


def _short_for(trie: Trie, token: str) -> None:
    """A known name with its number, such as llama3, also where one's own name begins with it."""
    known, own = trie.get(stem(token)), trie[token]
    if isinstance(known, dict) and isinstance(own, dict) and END in known:
        own.setdefault(END, known[END])


FILLERS = frozenset(_FILLERS.split())
SUFFIXES = frozenset(_SUFFIXES.split())
_TELL_NOTHING = FILLERS.union(SUFFIXES, _COMMON.split())
# A phrase that is in two of them has the later one's meaning.
CUES = _trie({
    _ABOUT: Cue.ABOUT, _BY: Cue.BY, _SELF: Cue.SELF, _MAKER: Cue.MAKER, _MODEL: Cue.MODEL,
    _AS: Cue.AS, _AS_A: Cue.AS_A, _ASIDE: Cue.ASIDE, _THIS: Cue.THIS, _FIRST: Cue.FIRST,
})  # fmt: skip
# "I'm Nova by Amazon", but not "I'm surprised by Amazon".
AFTER_CAPITALISED = _trie({"by": Cue.BY})
# What must follow the name.
TAILS = {
    cue: _trie({words: True})
    for cue, words in {
        Cue.AS: _AFTER_AS, Cue.AS_A: _AFTER_AS, Cue.ASIDE: _AFTER_ASIDE, Cue.THIS: _AFTER_THIS,
        Cue.FIRST: _AFTER_FIRST,
    }.items()
}  # fmt: skip
# After these the name of a company does not do.
ONLY_MODELS = frozenset({Cue.SELF, Cue.MODEL, Cue.AS, Cue.ASIDE, Cue.THIS})
