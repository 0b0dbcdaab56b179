"""The same complaints for everybody: made up, from a seed, about 700 bytes each, no two alike, each from another sender."""

import hashlib
import hmac
import json
import random
import time
import tomllib
from email.utils import formatdate
from pathlib import Path

AREAS = Path(__file__).parents[2] / "deploy/directory/jakarta/areas.toml"
SECRET = "rahasia-contoh-untuk-uji"  # signs the webhooks of a measurement; protects nothing
OFFICE = "aduan@kota.example.id"

# What is wrong, and what it does to people.
TOPICS = [
    ("Jalan berlubang", ["aspalnya terkelupas dan lubangnya selebar {n} sentimeter", "sudah {n} motor tergelincir karena lubang yang tertutup air", "tambalan bulan lalu hancur lagi setelah dilewati truk"],
     ["Anak sekolah terpaksa berjalan di tengah jalan.", "Kalau malam pengendara tidak melihat lubangnya.", "Ambulans pun harus memutar lewat gang lain."]),
    ("Lampu jalan mati", ["deretan {n} tiang gelap sejak Senin malam", "lampunya berkedip lalu padam setiap habis hujan", "kabelnya menjuntai dan lampunya tidak pernah menyala lagi"],
     ["Ibu-ibu takut pulang dari pengajian.", "Minggu ini sudah dua kali ada jambret.", "Pedagang menutup warung lebih cepat."]),
    ("Sampah menumpuk", ["bak penampungan meluap dan {n} kantong berserakan di trotoar", "truk pengangkut tidak datang selama {n} hari", "warga luar membuang puing dan kasur bekas di sini"],
     ["Baunya masuk sampai ke ruang kelas.", "Lalat dan tikus masuk ke dapur kami.", "Anak-anak mulai batuk dan gatal."]),
    ("Saluran air mampet", ["got di sisi kiri tertutup lumpur setebal {n} sentimeter", "air hitam naik ke teras setiap hujan sebentar", "tutup saluran pecah dan penuh plastik"],
     ["Lantai rumah kami selalu lembap.", "Nyamuk banyak sekali, tetangga ada yang demam berdarah.", "Motor tidak bisa keluar dari gang."]),
    ("Pohon tumbang", ["dahan besar menimpa pagar dan {n} kendaraan", "akarnya terangkat dan batangnya miring ke arah rumah", "pohon kering itu bergoyang setiap ada angin"],
     ["Kami khawatir menimpa anak yang bermain.", "Jalan hanya bisa dilewati satu arah.", "Kabel listrik ikut tertarik turun."]),
    ("Air bersih tidak mengalir", ["keran kering sejak {n} hari lalu, padahal tagihan tetap datang", "airnya keruh dan berbau setiap pagi", "pipa bocor di depan gapura dan airnya terbuang"],
     ["Kami membeli air jeriken untuk mandi bayi.", "Musala tidak bisa dipakai berwudu.", "Warung makan tetangga terpaksa tutup."]),
    ("Parkir liar", ["sekitar {n} mobil memenuhi dua sisi jalan tiap sore", "juru parkir memungut uang tanpa karcis", "truk menginap di bahu jalan dekat tikungan"],
     ["Bus sekolah tidak bisa berputar.", "Kursi roda ayah saya tidak bisa lewat.", "Pejalan kaki turun ke badan jalan."]),
    ("Banjir", ["genangan setinggi {n} sentimeter belum surut sejak subuh", "pompa di ujung kali tidak dinyalakan", "tanggulnya rembes di dekat jembatan kecil"],
     ["Lansia di rumah petak belum diungsikan.", "Barang dagangan basah semua.", "Listrik kami matikan sendiri supaya aman."]),
    ("Trotoar rusak", ["ubinnya lepas sepanjang {n} meter dan besi mencuat", "galian kabel ditinggal tanpa ditutup kembali", "jalur pemandu tunanetra terpotong tiang"],
     ["Seorang nenek jatuh kemarin pagi.", "Kereta bayi tidak bisa didorong.", "Penyandang disabilitas memutar jauh."]),
    ("Pelayanan kelurahan lambat", ["surat pengantar saya belum selesai setelah {n} hari", "loket tutup sebelum jam yang tertulis", "saya diminta kembali tiga kali tanpa alasan"],
     ["Saya izin kerja berkali-kali.", "Berkas beasiswa anak saya bisa terlambat.", "Orang tua saya tidak kuat mengantre lagi."]),
]
STREETS = ["Melati", "Kenanga", "Cempaka", "Flamboyan", "Anggrek", "Mawar", "Dahlia", "Teratai", "Bougenvil", "Kamboja", "Merpati", "Rajawali",
           "Cendrawasih", "Kutilang", "Murai", "Mangga", "Rambutan", "Durian", "Jambu", "Salak", "Nusa Indah", "Pelita", "Harapan", "Bakti"]
NEAR = ["pasar", "masjid", "sekolah dasar", "puskesmas", "pos ronda", "lapangan voli", "halte", "jembatan kecil", "taman bermain", "gapura", "warung kopi", "bengkel"]
# What fills a complaint up to its length: each draws one of each column, so that few say the same.
MORE = [
    (["Tetangga di nomor", "Pemilik kios nomor", "Ketua RT nomor", "Satpam di blok", "Penghuni rumah nomor", "Pedagang di lapak"], ["{n}"],
     ["pernah menelepon petugas", "sempat memasang tanda seadanya", "sudah menutupnya dengan papan", "melihatnya pertama kali", "mengalami kerugian", "menyimpan fotonya", "mengumpulkan tanda tangan warga"],
     ["bulan lalu", "sebelum Lebaran", "minggu kemarin", "waktu hujan deras", "pada hari pasar", "sesudah kerja bakti", "ketika ada hajatan"]),
    (["Yang paling terdampak", "Yang setiap hari lewat", "Yang mengeluh kepada saya", "Yang menunggu perbaikan"], ["adalah", "ialah", "di antaranya"],
     ["para pekerja pabrik", "murid madrasah", "penjual sayur keliling", "pengemudi ojek", "penghuni kontrakan", "jemaah gereja", "pasien klinik", "penumpang angkot", "kelompok lansia", "kurir paket"],
     ["dari arah utara", "di sebelah timur", "sekitar {n} orang", "hampir {n} keluarga", "terutama waktu magrib", "sejak pukul lima pagi"]),
    (["Kalau dibiarkan,", "Menurut kami,", "Dari pengalaman tahun lalu,", "Seperti kata warga,"], ["biaya perbaikannya", "akibatnya", "kerusakannya", "urusannya", "bahayanya"],
     ["akan bertambah besar", "menjalar ke gang sebelah", "mengenai kabel dan pipa", "sampai ke halaman kantor pos", "merembet ke rumah petak", "menghambat bantuan"],
     ["dalam beberapa hari", "begitu musim hujan tiba", "sebelum akhir tahun", "kalau ada angin kencang", "saat arus mudik"]),
    (["Mohon", "Harap", "Tolong", "Kami minta"], ["dijadwalkan", "diperiksa", "ditangani", "diukur dulu", "dicatat", "diteruskan kepada yang berwenang"],
     ["sebelum tanggal {n}", "paling lambat pekan depan", "bila ada anggaran", "dengan alat yang cukup", "tanpa menunggu rapat"],
     ["dan kabari kami.", "lalu hubungi saya lewat pesan.", "supaya aman.", "seperti di kampung sebelah.", "karena warga sudah lelah.", "agar tidak terulang"]),
]


def _places():
    areas = tomllib.loads(AREAS.read_text())
    return [(name, areas[code[:7]]) for code, name in areas.items() if len(code) == 10]


class Complaints:
    """`texts(n)`, `mails(n)` and `webhooks(n)` of one seed: the n-th is the same complaint in each."""

    def __init__(self, seed=1):
        self.seed, self.places = seed, _places()

    def title_and_text(self, number):
        dice = random.Random(f"{self.seed}/{number}")
        title, facts, harms = dice.choice(TOPICS)
        village, district = dice.choice(self.places)
        street = f"Jalan {dice.choice(STREETS)} {dice.choice(['', 'Raya ', 'Dalam ', 'Ujung '])}{dice.randint(1, 60)}"
        lines = [
            f"Selamat {dice.choice(['pagi', 'siang', 'sore', 'malam'])}, saya melaporkan {title.lower()} di {street}, RT {dice.randint(1, 15):03} RW {dice.randint(1, 12):02}, "
            f"dekat {dice.choice(NEAR)}, Kelurahan {village}, Kecamatan {district}.",
            *(fact[0].upper() + fact[1:].format(n=dice.randint(3, 95)) + "." for fact in dice.sample(facts, 2)),
            *dice.sample(harms, 2),
        ]
        text = " ".join(lines)
        while len(text) < 640:
            words = " ".join(dice.choice(column) for column in dice.choice(MORE)).format(n=dice.randint(2, 60))
            text += f" {words.rstrip('.')}."
        return f"{title} di {village}", text

    def mail(self, number):
        title, text = self.title_and_text(number)
        head = {
            "From": f"Warga {number} <warga{number}@warga.example.id>", "To": OFFICE, "Subject": title, "Date": formatdate(time.time()),
            "Message-ID": f"<aduan-{self.seed}-{number}@warga.example.id>", "MIME-Version": "1.0",
            "Content-Type": "text/plain; charset=utf-8", "Content-Transfer-Encoding": "8bit",
        }
        return "".join(f"{name}: {value}\r\n" for name, value in head.items()) + f"\r\n{text}\r\n"

    def webhook(self, number):
        """Meta's envelope with one message (WhatsApp Cloud API, `messages` webhook), and its `X-Hub-Signature-256`."""
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "6281000000000", "phone_number_id": "100000000000001"},
            "contacts": [{"profile": {"name": f"Warga {number}"}, "wa_id": f"62812{number:08}"}],
            "messages": [{
                "from": f"62812{number:08}", "id": f"wamid.{self.seed}.{number}", "timestamp": str(int(time.time())), "type": "text",
                "text": {"body": self.title_and_text(number)[1]},
            }],
        }
        body = json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]})
        return "sha256=" + hmac.new(SECRET.encode(), body.encode(), hashlib.sha256).hexdigest(), body


if __name__ == "__main__":
    made = Complaints()
    sizes = [len(made.title_and_text(number)[1].encode()) for number in range(2000)]
    print(f"texts of {min(sizes)} to {max(sizes)} bytes, {sum(sizes) / len(sizes):.0f} on average; the first:\n\n{made.mail(0)}")
